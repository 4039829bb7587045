/* SPDX-License-Identifier: MIT */
/*
 * The default codec: a header and a member as MessagePack. docs/wire.md has the
 * same pictures with examples, and what surrounds them in a packet.
 *
 *   header   array of 5 to 8         later versions append, readers skip
 *   +---------+------+-----+-----------------+-----+--------+------+ - - -
 *   | version | kind | src | src_incarnation | dst | number | peer | ...
 *   |  uint   | uint | id  |      uint       | u32 |  uint  |  id  |
 *   +---------+------+-----+-----------------+-----+--------+------+ - - -
 *     always 1  of shoal_message,              |     |        |
 *               + 32: no tags                  |     |        |
 *               announce feed gossip           |     |        |
 *               broadcast turn_undead                |        |
 *               refused                end here+     |        |
 *               ping ack                     end here+        |
 *               ping_req indirect_ping                        |
 *               indirect_ack forwarded_ack nack       end here+
 *   A ping_req that wants a nack has an 8th element, true. A ping or ack with
 *   a digest has a 7th, an array of two: members and sum, uint both. Any header
 *   may have a 9th, an array of one or two: cookie and echo, uint both, and
 * then a 10th, a bin of zeros. nil is in the place of what is missing before
 * them.
 *
 *   member   array of 3, or of 4 when it tells who suspects it, or who it is
 *            now
 *   +----+-------------+-------+------+ - - -
 *   | id | incarnation | state | from | ...
 *   | id |    uint     | uint  |  id  |
 *   +----+-------------+-------+------+ - - -
 *                        0 alive, 1 suspect, 2 down; + 4: no tags
 *
 *   id: any one MessagePack value of 1 to SHOAL_MAX_IDENTITY bytes, embedded as
 *   it is, so that a decoded identity is a span of the packet and equal
 *   identities are equal bytes.
 *
 * Encoding and decoding allocate nothing and keep no state.
 */
#ifndef SHOAL_WIRE_WIRE_H
#define SHOAL_WIRE_WIRE_H

#include "../shoal.h"

enum {
    WIRE_VERSION = 1,
    /* Elements by their place in the header's array; the five before NUMBER
     * are in every header. */
    WIRE_NUMBER = 5,
    WIRE_PEER = 6,
    WIRE_NACK = 7,
    WIRE_DIGEST = 6, /* of ping and ack */
    WIRE_COOKIES = 8,
    WIRE_PADDING = 9,
    WIRE_MEMBER_ELEMENTS = 3,
    WIRE_DELTA_ELEMENTS = 4,
    WIRE_TAGGED_ELEMENTS = 6
};

/* Bits of a header's kind, and of a member's state, beside the value. */
enum {
    WIRE_KIND_NO_TAGS = 32, /* the sender has none */
    WIRE_STATE_NO_TAGS = 4  /* it has said that it has none */
};

/* Begins the address of a script's identity that is no text: no value of
 * MessagePack begins with it and no text in UTF-8 has it, so the two cannot be
 * taken for each other. Refused as the first byte of a stock identity's. */
enum { WIRE_ADDR_MARK = 0xc1 };

/* Of tags: a counter of 32 bits, and a check of 16. */
#define WIRE_MAX_VERSION ((UINT64_C(1) << 48) - 1)

/* What the header of a message of this kind has. */
static inline bool wire_has_number(unsigned kind)
{
#define HAS_NUMBER(NAME, value, name, number, ...) [value] = number,
    static const bool has[SHOAL_NUM_MESSAGES] = {SHOAL_MESSAGES(HAS_NUMBER)};
#undef HAS_NUMBER
    return kind < SHOAL_NUM_MESSAGES && has[kind];
}

static inline bool wire_has_peer(unsigned kind)
{
#define HAS_PEER(NAME, value, name, number, peer, ...) [value] = peer,
    static const bool has[SHOAL_NUM_MESSAGES] = {SHOAL_MESSAGES(HAS_PEER)};
#undef HAS_PEER
    return kind < SHOAL_NUM_MESSAGES && has[kind];
}

/* What may follow its header. */
static inline bool wire_has_claims(unsigned kind)
{
#define HAS_CLAIMS(NAME, value, name, number, peer, claims, items)             \
    [value] = claims,
    static const bool has[SHOAL_NUM_MESSAGES] = {SHOAL_MESSAGES(HAS_CLAIMS)};
#undef HAS_CLAIMS
    return kind < SHOAL_NUM_MESSAGES && has[kind];
}

static inline bool wire_has_items(unsigned kind)
{
#define HAS_ITEMS(NAME, value, name, number, peer, claims, items)              \
    [value] = items,
    static const bool has[SHOAL_NUM_MESSAGES] = {SHOAL_MESSAGES(HAS_ITEMS)};
#undef HAS_ITEMS
    return kind < SHOAL_NUM_MESSAGES && has[kind];
}

/* Can a claim tell who suspects the member, or who it is now? */
static inline bool wire_has_from(const shoal_update *claim)
{
    return claim->state == SHOAL_SUSPECT ||
           (claim->state == SHOAL_DOWN &&
            claim->incarnation == SHOAL_INCARNATION_LEFT);
}

static inline unsigned wire_elements(unsigned kind)
{
    return WIRE_NUMBER + wire_has_number(kind) + wire_has_peer(kind);
}

/* Can its header have a digest? */
static inline bool wire_can_compare(unsigned kind)
{
    return kind == SHOAL_MSG_PING || kind == SHOAL_MSG_ACK;
}

/* The functions of the codec, as shoal_codec describes them. `context` is
 * not used.
 *   encoders   TOO_BIG: no room. CODEC: what cannot be decoded again (an
 *              unknown kind or state, an identity that is not one MessagePack
 *              value of 1 to SHOAL_MAX_IDENTITY bytes).
 *   decoders   MALFORMED. UNSUPPORTED: well-formed, but another version, or a
 *              kind we do not know. `*used` is set on success only, and what is
 *              decoded means nothing without it; identities are spans of what
 *              was passed in.
 *   peek         of what decode_header takes, its `src`; of anything else, some
 *              span of the packet or nothing. */
int wire_encode_header(void *context, const shoal_header *header, uint8_t *out,
                       size_t room, size_t *size);
int wire_decode_header(void *context, shoal_bytes packet, shoal_header *header,
                       size_t *used);
int wire_encode_member(void *context, const shoal_update *member, uint8_t *out,
                       size_t room, size_t *size);
int wire_decode_member(void *context, shoal_bytes bytes, shoal_update *member,
                       size_t *used);
shoal_bytes wire_peek_source(void *context, shoal_bytes packet);

/* A hash that all members share (docs/wire.md): of identities in digests. It
 * has no key, unlike bytes_hash(), since others must come to the same; whoever
 * makes up identities that collide only hides them from comparisons. */
uint32_t wire_hash(shoal_bytes bytes);

/* ---- What they and the stock identity have in common ---- */

/* The integer at data[0], in any of MessagePack's forms, if it is between 0 and
 * `max`. 0, or SHOAL_ERR_MALFORMED. */
int wire_read_uint(const uint8_t *data, size_t size, uint64_t max,
                   uint64_t *value, size_t *used);

#endif
