/* SPDX-License-Identifier: MIT */
/*
 * Packs headers and members with msgpack-c, which chooses the smallest form of
 * each number: what one engine writes, every engine writes. A write that does
 * not fit fails the sink, and with it the whole header or member.
 */
#include "wire.h"

#include "check.h"
#include "compact.h"
#include "packer.h"

/* The engine takes any bytes for an identity. Here they must be what the far
 * side's decoder accepts, or nobody would ever answer. */
static bool is_identity(shoal_bytes id)
{
    size_t used;

    if (id.size > 0 && compact_span(id.data, id.size) == id.size)
        return true;
    return id.size > 0 && id.size <= SHOAL_MAX_IDENTITY &&
           check_value(id.data, id.size, CHECK_DEPTH, &used) == 0 &&
           used == id.size;
}

/* Each of the pack_ functions answers 0, or -1 when there is no room. */
static int pack_identity(struct wire_sink *sink, shoal_bytes id)
{
    return wire_sink_put(sink, id.data, id.size);
}

static int pack_digest(struct wire_sink *sink, const shoal_digest *digest)
{
    bool streams = digest->streams != 0;
    bool without = streams || digest->without != 0;

    if (wire_pack_array(sink, 2u + without + streams) ||
        wire_pack_uint32(sink, digest->members) ||
        wire_pack_uint32(sink, digest->sum))
        return -1;
    if (without && wire_pack_uint8(sink, digest->without))
        return -1;
    return streams ? wire_pack_uint32(sink, digest->streams) : 0;
}

static bool has_cookies(const shoal_header *header)
{
    return header->cookie != 0 || header->echo != 0 || header->padding > 0;
}

static int pack_padding(struct wire_sink *sink, size_t size)
{
    if (wire_pack_bin(sink, size))
        return -1;
    while (size-- > 0)
        if (wire_sink_put(sink, "", 1))
            return -1;
    return 0;
}

/* `elements` came before. */
static int pack_cookies(struct wire_sink *sink, const shoal_header *header,
                        unsigned elements)
{
    bool both = header->echo != 0;

    for (; elements < WIRE_COOKIES; elements++)
        if (wire_pack_nil(sink))
            return -1;
    if (wire_pack_array(sink, 1 + both) ||
        wire_pack_uint32(sink, header->cookie) ||
        (both && wire_pack_uint32(sink, header->echo)))
        return -1;
    return header->padding > 0 ? pack_padding(sink, header->padding) : 0;
}

static unsigned num_elements(const shoal_header *header, unsigned elements)
{
    if (!has_cookies(header))
        return elements;
    return header->padding > 0 ? WIRE_PADDING + 1 : WIRE_COOKIES + 1;
}

static int pack_header(struct wire_sink *sink, const shoal_header *header)
{
    unsigned elements = wire_elements(header->kind);
    uint8_t kind = header->kind + (header->no_tags ? WIRE_KIND_NO_TAGS : 0);
    bool nack = header->kind == SHOAL_MSG_PING_REQ && header->wants_nack;
    bool digest = wire_can_compare(header->kind) && header->has_digest;

    if (wire_pack_array(sink, num_elements(header, elements + nack + digest)) ||
        wire_pack_uint8(sink, WIRE_VERSION) || wire_pack_uint8(sink, kind) ||
        pack_identity(sink, header->src) ||
        wire_pack_uint16(sink, header->src_incarnation) ||
        wire_pack_uint32(sink, header->dst_hash))
        return -1;
    if (elements > WIRE_NUMBER && wire_pack_uint8(sink, header->number))
        return -1;
    if (elements > WIRE_PEER && pack_identity(sink, header->peer))
        return -1;
    if (digest && pack_digest(sink, &header->digest))
        return -1;
    if (nack && wire_pack_true(sink))
        return -1;
    return has_cookies(header)
               ? pack_cookies(sink, header, elements + digest + nack)
               : 0;
}

int wire_encode_header(void *context, const shoal_header *header, uint8_t *out,
                       size_t room, size_t *size)
{
    struct wire_sink sink = {out, room, 0};

    (void)context;
    if (header->kind >= SHOAL_NUM_MESSAGES || !is_identity(header->src))
        return SHOAL_ERR_CODEC;
    if (wire_elements(header->kind) > WIRE_PEER && !is_identity(header->peer))
        return SHOAL_ERR_CODEC;
    if (pack_header(&sink, header))
        return SHOAL_ERR_TOO_BIG;
    *size = sink.size;
    return 0;
}

static int pack_tags(struct wire_sink *sink, const shoal_update *member)
{
    if (member->tags_size > 0)
        return wire_pack_uint16(sink, member->tags_size);
    if (member->tags_base > 0 && (wire_pack_array(sink, WIRE_DELTA_ELEMENTS) ||
                                  wire_pack_uint64(sink, member->tags_base) ||
                                  wire_pack_uint16(sink, member->tags_prefix) ||
                                  wire_pack_uint16(sink, member->tags_suffix)))
        return -1;
    return wire_pack_bin(sink, member->tags.size) ||
                   wire_pack_bin_body(sink, member->tags.data,
                                      member->tags.size)
               ? -1
               : 0;
}

static int pack_member(struct wire_sink *sink, const shoal_update *member)
{
    bool from = wire_has_from(member) && member->from.size > 0;
    bool tags = member->tags_version > 0 && member->state != SHOAL_DOWN;
    bool none = member->no_tags && !tags && member->state != SHOAL_DOWN;
    unsigned elements = WIRE_MEMBER_ELEMENTS + from;

    if (wire_pack_array(sink, tags ? WIRE_TAGGED_ELEMENTS : elements) ||
        pack_identity(sink, member->id) ||
        wire_pack_uint16(sink, member->incarnation) ||
        wire_pack_uint8(sink, member->state + (none ? WIRE_STATE_NO_TAGS : 0)))
        return -1;
    if (from && pack_identity(sink, member->from))
        return -1;
    if (!tags)
        return 0;
    return (!from && wire_pack_nil(sink)) ||
                   wire_pack_uint64(sink, member->tags_version) ||
                   pack_tags(sink, member)
               ? -1
               : 0;
}

int wire_encode_member(void *context, const shoal_update *member, uint8_t *out,
                       size_t room, size_t *size)
{
    struct wire_sink sink = {out, room, 0};

    (void)context;
    if (member->state > SHOAL_DOWN || !is_identity(member->id) ||
        (member->from.size > 0 && !is_identity(member->from)))
        return SHOAL_ERR_CODEC;
    if (pack_member(&sink, member))
        return SHOAL_ERR_TOO_BIG;
    *size = sink.size;
    return 0;
}
