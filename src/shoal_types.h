/* SPDX-License-Identifier: MIT */
/*
 * What entry points, questions and the codec speak about: bytes, members and
 * messages. Included by shoal.h.
 */
#ifndef SHOAL_TYPES_H
#define SHOAL_TYPES_H

#include "shoal_tables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct shoal shoal;

/* Bytes that somebody else owns. `data` may be NULL when `size` is 0. */
typedef struct shoal_bytes {
    const uint8_t *data;
    size_t size;
} shoal_bytes;

enum {
    SHOAL_MAX_IDENTITY = 512, /* bytes; bounds what a peer makes us keep */
    SHOAL_MAX_INCARNATION = 65535,
    /* Of a member that is down because it left: final for its identity. A
     * living member has a smaller one. */
    SHOAL_INCARNATION_LEFT = SHOAL_MAX_INCARNATION,
    SHOAL_MAX_TAGS = 16384,      /* bytes */
    SHOAL_MAX_CONFIRMATIONS = 8, /* that a suspicion can wait for */
    SHOAL_MAX_PACKET = 65507     /* bytes of a UDP datagram over IPv4 */
};

/* ---- Members ---- */

typedef enum shoal_state {
    SHOAL_ALIVE = 0,
    SHOAL_SUSPECT = 1,
    SHOAL_DOWN = 2
} shoal_state;

/* Why a member is down. */
typedef enum shoal_reason {
#define SHOAL_REASON_ENUM(NAME, VALUE, name) SHOAL_REASON_##NAME = VALUE,
    SHOAL_REASONS(SHOAL_REASON_ENUM)
#undef SHOAL_REASON_ENUM
} shoal_reason;

/* A claim about a member, as it travels: SWIM 4.2's (state, incarnation). */
typedef struct shoal_update {
    shoal_bytes id;
    uint16_t incarnation;
    uint8_t state; /* shoal_state */
    /* SHOAL_SUSPECT: the identity of the member that suspects it, so that
     * independent suspicions can be counted (Lifeguard 4.B); empty: unknown.
     * SHOAL_DOWN with SHOAL_INCARNATION_LEFT: its new identity, at another
     * address; empty: it has left. */
    shoal_bytes from;
    /* Of an active member, with a codec that has Lifeguard: its tags, and their
     * version; 0: without. */
    uint64_t tags_version;
    shoal_bytes tags;
    uint16_t tags_size; /* of tags that are not in the claim; 0: they are */
    /* Above 0: `tags` stands in the place of the bytes of that version, all but
     * so many first and last ones. */
    uint64_t tags_base;
    uint16_t tags_prefix, tags_suffix;
    bool no_tags; /* it has said that it has none; false: nothing of them */
} shoal_update;

/* What is known of a member. All bytes are borrowed until the next entry point.
 */
typedef struct shoal_member {
    shoal_bytes id;
    shoal_bytes addr;
    shoal_bytes endpoint;
    uint16_t incarnation;
    uint8_t state;     /* shoal_state */
    uint8_t reason;    /* shoal_reason, of a down member */
    uint32_t rtt_us;   /* round-trip time, smoothed; 0: unknown */
    uint64_t since_us; /* when it entered this state, on our clock */
    /* What it says of itself; empty: nothing that we know, or it is down. With
     * version 0 it has said that it has none: an empty map. */
    uint64_t tags_version;
    shoal_bytes tags;
} shoal_member;

/* ---- Messages ---- */

/* The values are on the wire. */
typedef enum shoal_message {
#define SHOAL_MESSAGE_ENUM(NAME, VALUE, ...) SHOAL_MSG_##NAME = VALUE,
    SHOAL_MESSAGES(SHOAL_MESSAGE_ENUM)
#undef SHOAL_MESSAGE_ENUM
        SHOAL_NUM_MESSAGES
} shoal_message;

/* How many members, and the xor of their parts; without those of some buckets;
 * the xor of all streams' (docs/wire.md). */
typedef struct shoal_digest {
    uint32_t members, sum;
    uint8_t without;  /* a bit for each bucket of the hash */
    uint32_t streams; /* of what was published; 0: nothing */
} shoal_digest;

/* What a packet begins with. */
typedef struct shoal_header {
    uint8_t kind;   /* shoal_message */
    uint8_t number; /* of the probe, for the kinds that have one; else 0 */
    uint16_t src_incarnation;
    shoal_bytes src;
    /* The receiver. A codec carries one of the two; after decoding, `dst` is
     * empty if it was the hash: of the identity or, in an announce, of the
     * address (docs/wire.md). */
    shoal_bytes dst;
    uint32_t dst_hash;
    shoal_bytes peer; /* of the indirect kinds: target or origin; else empty */
    bool no_tags;     /* the sender has none */
    bool wants_nack;  /* ping_req: send a nack if the target does not answer */
    bool has_digest;  /* ping, ack: the members that the sender knows */
    shoal_digest digest;
    /* Of any kind; 0: none. What the receiver is to send back, so that we see
     * that it gets our packets, and what it told us to send back. */
    uint32_t cookie, echo;
    uint16_t padding; /* zeros behind all that, which readers skip */
} shoal_header;

#endif
