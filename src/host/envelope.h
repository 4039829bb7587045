/* SPDX-License-Identifier: MIT */
/*
 * What the host puts around a packet of the engine: the cluster's label, so
 * that two clusters which come upon each other's addresses do not become one;
 * or a seal (../seal/seal.h), which the label is a part of.
 *
 *   no label   the packet as it is
 *   a label    +------+------------------+-------+--------
 *              |  c1  | length (1 to 64) | label | packet
 *              +------+------------------+-------+--------
 *   a key      +------+----+-----------------------------
 *              |  c1  | 00 | what ../seal/seal.h says
 *              +------+----+-----------------------------
 */
#ifndef SHOAL_HOST_ENVELOPE_H
#define SHOAL_HOST_ENVELOPE_H

#include "../base/error.h"
#include "../seal/seal.h"

#include "host.h"
#include "udp.h"

enum {
    /* Bytes that it adds to a packet; a seal adds less. */
    ENVELOPE_MAX = 2 + HOST_MAX_LABEL
};

struct envelope {
    uint8_t prefix[ENVELOPE_MAX];   /* what goes in front of each packet */
    size_t size;                    /* of it; 0 without a label */
    struct seal *seal;              /* instead of that; NULL: there is no key */
    const struct networks *allowed; /* from where; NULL: everywhere */
};

/* `label` NULL or "": none. 0, or -1 and `error` when it is too long. */
int envelope_init(struct envelope *envelope, const char *label,
                  struct error *error);

/* From now on packets are sealed. 0, or -1 and `error`. */
int envelope_seal(struct envelope *envelope, const struct seal_keys *keys,
                  uint64_t skew_us, struct error *error);
void envelope_clear(struct envelope *envelope);

/* May packets come from that address, and go there? */
bool envelope_allows(const struct envelope *envelope,
                     const struct address *address);

/* Puts the packet, in its envelope, into the outbox. false: there is no room
 * before a flush. */
bool envelope_put(const struct envelope *envelope, struct udp_outbox *outbox,
                  shoal_bytes packet, const struct address *to);

/* Without a seal: takes the packet out of a datagram: `*packet` points into it.
 * false: it is another cluster's. Something that looks like an envelope but is
 * not well formed is passed on by a node without a label, for the engine to
 * refuse. */
bool envelope_open(const struct envelope *envelope, shoal_bytes datagram,
                   shoal_bytes *packet);

#endif
