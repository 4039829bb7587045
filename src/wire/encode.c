/* SPDX-License-Identifier: MIT */
/*
 * Packs headers and members with msgpack-c, which chooses the smallest form of
 * each number: what one engine writes, every engine writes. A write that does
 * not fit fails the packer, and with it the whole header or member.
 */
#include "wire.h"

#include "check.h"
#include "compact.h"

#include <msgpack/pack.h>
#include <string.h>

int wire_sink_write(void *context, const char *data, size_t size)
{
    struct wire_sink *sink = context;

    if (size > sink->room - sink->size)
        return -1;
    if (size > 0)
        memcpy(sink->out + sink->size, data, size);
    sink->size += size;
    return 0;
}

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
static int pack_identity(msgpack_packer *packer, shoal_bytes id)
{
    return packer->callback(packer->data, (const char *)id.data, id.size);
}

static int pack_digest(msgpack_packer *packer, const shoal_digest *digest)
{
    bool streams = digest->streams != 0;
    bool without = streams || digest->without != 0;

    if (msgpack_pack_array(packer, 2u + without + streams) ||
        msgpack_pack_uint32(packer, digest->members) ||
        msgpack_pack_uint32(packer, digest->sum))
        return -1;
    if (without && msgpack_pack_uint8(packer, digest->without))
        return -1;
    return streams ? msgpack_pack_uint32(packer, digest->streams) : 0;
}

static bool has_cookies(const shoal_header *header)
{
    return header->cookie != 0 || header->echo != 0 || header->padding > 0;
}

static int pack_padding(msgpack_packer *packer, size_t size)
{
    if (msgpack_pack_bin(packer, size))
        return -1;
    while (size-- > 0)
        if (packer->callback(packer->data, "", 1))
            return -1;
    return 0;
}

/* `elements` came before. */
static int pack_cookies(msgpack_packer *packer, const shoal_header *header,
                        unsigned elements)
{
    bool both = header->echo != 0;

    for (; elements < WIRE_COOKIES; elements++)
        if (msgpack_pack_nil(packer))
            return -1;
    if (msgpack_pack_array(packer, 1 + both) ||
        msgpack_pack_uint32(packer, header->cookie) ||
        (both && msgpack_pack_uint32(packer, header->echo)))
        return -1;
    return header->padding > 0 ? pack_padding(packer, header->padding) : 0;
}

static unsigned num_elements(const shoal_header *header, unsigned elements)
{
    if (!has_cookies(header))
        return elements;
    return header->padding > 0 ? WIRE_PADDING + 1 : WIRE_COOKIES + 1;
}

static int pack_header(msgpack_packer *packer, const shoal_header *header)
{
    unsigned elements = wire_elements(header->kind);
    uint8_t kind = header->kind + (header->no_tags ? WIRE_KIND_NO_TAGS : 0);
    bool nack = header->kind == SHOAL_MSG_PING_REQ && header->wants_nack;
    bool digest = wire_can_compare(header->kind) && header->has_digest;

    if (msgpack_pack_array(packer,
                           num_elements(header, elements + nack + digest)) ||
        msgpack_pack_uint8(packer, WIRE_VERSION) ||
        msgpack_pack_uint8(packer, kind) ||
        pack_identity(packer, header->src) ||
        msgpack_pack_uint16(packer, header->src_incarnation) ||
        msgpack_pack_uint32(packer, header->dst_hash))
        return -1;
    if (elements > WIRE_NUMBER && msgpack_pack_uint8(packer, header->number))
        return -1;
    if (elements > WIRE_PEER && pack_identity(packer, header->peer))
        return -1;
    if (digest && pack_digest(packer, &header->digest))
        return -1;
    if (nack && msgpack_pack_true(packer))
        return -1;
    return has_cookies(header)
               ? pack_cookies(packer, header, elements + digest + nack)
               : 0;
}

int wire_encode_header(void *context, const shoal_header *header, uint8_t *out,
                       size_t room, size_t *size)
{
    struct wire_sink sink = {out, room, 0};
    msgpack_packer packer;

    (void)context;
    if (header->kind >= SHOAL_NUM_MESSAGES || !is_identity(header->src))
        return SHOAL_ERR_CODEC;
    if (wire_elements(header->kind) > WIRE_PEER && !is_identity(header->peer))
        return SHOAL_ERR_CODEC;
    msgpack_packer_init(&packer, &sink, wire_sink_write);
    if (pack_header(&packer, header))
        return SHOAL_ERR_TOO_BIG;
    *size = sink.size;
    return 0;
}

static int pack_tags(msgpack_packer *packer, const shoal_update *member)
{
    if (member->tags_size > 0)
        return msgpack_pack_uint16(packer, member->tags_size);
    return msgpack_pack_bin(packer, member->tags.size) ||
                   msgpack_pack_bin_body(packer, member->tags.data,
                                         member->tags.size)
               ? -1
               : 0;
}

static int pack_member(msgpack_packer *packer, const shoal_update *member)
{
    bool from = wire_has_from(member) && member->from.size > 0;
    bool tags = member->tags_version > 0 && member->state != SHOAL_DOWN;
    bool none = member->no_tags && !tags && member->state != SHOAL_DOWN;
    unsigned elements = WIRE_MEMBER_ELEMENTS + from;

    if (msgpack_pack_array(packer, tags ? WIRE_TAGGED_ELEMENTS : elements) ||
        pack_identity(packer, member->id) ||
        msgpack_pack_uint16(packer, member->incarnation) ||
        msgpack_pack_uint8(packer,
                           member->state + (none ? WIRE_STATE_NO_TAGS : 0)))
        return -1;
    if (from && pack_identity(packer, member->from))
        return -1;
    if (!tags)
        return 0;
    return (!from && msgpack_pack_nil(packer)) ||
                   msgpack_pack_uint64(packer, member->tags_version) ||
                   pack_tags(packer, member)
               ? -1
               : 0;
}

int wire_encode_member(void *context, const shoal_update *member, uint8_t *out,
                       size_t room, size_t *size)
{
    struct wire_sink sink = {out, room, 0};
    msgpack_packer packer;

    (void)context;
    if (member->state > SHOAL_DOWN || !is_identity(member->id) ||
        (member->from.size > 0 && !is_identity(member->from)))
        return SHOAL_ERR_CODEC;
    msgpack_packer_init(&packer, &sink, wire_sink_write);
    if (pack_member(&packer, member))
        return SHOAL_ERR_TOO_BIG;
    *size = sink.size;
    return 0;
}
