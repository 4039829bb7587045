/* SPDX-License-Identifier: MIT */
/*
 * An identity's bytes with the embedder's answers about it: address and
 * endpoint. Shared by reference count (the member, the probe, ourselves).
 *
 *   bytes:  [ identity | address? | endpoint? ]
 *
 * An answer that is part of the identity (the stock one's) is not stored twice.
 */
#ifndef SHOAL_CORE_TABLE_IDENTITY_H
#define SHOAL_CORE_TABLE_IDENTITY_H

#include "../../base/bytes.h"
#include "mem.h"

struct member;

enum { IDENTITY_MAX_ANSWER = 512 /* bytes of an address, of an endpoint */ };

struct identity {
    uint32_t refs;
    uint32_t hash;      /* of the identity */
    uint32_t addr_hash; /* of the address */
    uint32_t wire_hash; /* of the identity, the same at every member */
    uint32_t size : 10, addr_at : 10, addr_size : 10;
    uint32_t endpoint_at : 11, endpoint_size : 10;
    uint8_t bytes[];
};

/* Somebody a packet or a command named, known to us or not. The bytes are
 * borrowed: from a struct identity, the packet, `room`, or `copies`. */
struct who {
    shoal_bytes id, addr, endpoint;
    uint32_t hash, addr_hash, wire_hash;
    struct member *member; /* with that very identity, as far as was looked */
    uint8_t room[SHOAL_MAX_IDENTITY]; /* that answers may be written to */
    uint8_t copies[2 * IDENTITY_MAX_ANSWER];
};

/* As an event tells of somebody who need not be a member. Borrows from `who`.
 */
static inline shoal_member who_view(const struct who *who, uint16_t incarnation,
                                    uint8_t state)
{
    return (shoal_member){.id = who->id,
                          .addr = who->addr,
                          .endpoint = who->endpoint,
                          .incarnation = incarnation,
                          .state = state};
}

/* A new one, with one reference. NULL: out of memory. */
struct identity *identity_new(struct mem *mem, const struct who *who);
void identity_release(struct mem *mem, struct identity *identity);

static inline struct identity *identity_retain(struct identity *identity)
{
    identity->refs++;
    return identity;
}

static inline shoal_bytes identity_id(const struct identity *identity)
{
    return bytes_of(identity->bytes, identity->size);
}

static inline shoal_bytes identity_addr(const struct identity *identity)
{
    return bytes_of(identity->bytes + identity->addr_at, identity->addr_size);
}

static inline shoal_bytes identity_endpoint(const struct identity *identity)
{
    return bytes_of(identity->bytes + identity->endpoint_at,
                    identity->endpoint_size);
}

#endif
