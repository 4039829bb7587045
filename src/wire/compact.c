/* SPDX-License-Identifier: MIT */
#include "compact.h"

#include "wire.h"

#include "../base/bytes.h"
#include "packer.h"
#include "walk.h"

enum {
    TYPE_V4 = 1,
    TYPE_V6 = 2,
    HEAD = 3,
    PORT = 2,
    BUMP = 6,
    MAX_BODY = COMPACT_MAX - HEAD
};

#define BUMP_END (UINT64_C(1) << (8 * BUMP))

/* ---- The compact form ---- */

static uint8_t ip_size(uint8_t type)
{
    return type == TYPE_V4 ? IP_V4 : type == TYPE_V6 ? IP_V6 : 0;
}

uint64_t compact_bump(shoal_bytes id)
{
    return bytes_big_endian(id.data + HEAD + PORT + ip_size(id.data[2]), BUMP);
}

bool compact_read(shoal_bytes id, struct compact *out)
{
    uint8_t text[IP_TEXT_MAX], size;
    size_t fixed;

    if (!compact_is(id) || id.size < HEAD || id.size > COMPACT_MAX ||
        id.data[1] != id.size - HEAD)
        return false;
    size = ip_size(id.data[2]);
    fixed = HEAD + PORT + size + BUMP;
    if (size == 0 || id.size < fixed)
        return false;
    out->address =
        (struct ip_port){.size = size, .port = bytes_u16be(id.data + HEAD)};
    memcpy(out->address.ip, id.data + HEAD + PORT, size);
    out->bump = compact_bump(id);
    out->name = bytes_of(id.data + fixed, id.size - fixed);
    return ip_text_write(&out->address, text) > 0;
}

static size_t write_compact(const struct compact *compact, uint8_t *out)
{
    size_t size = compact->address.size;
    size_t body = PORT + size + BUMP + compact->name.size;
    uint8_t *at = out + HEAD;

    if (body > MAX_BODY)
        return 0;
    out[0] = 0xc7;
    out[1] = (uint8_t)body;
    out[2] = size == IP_V4 ? TYPE_V4 : TYPE_V6;
    bytes_put_u16be(at, compact->address.port);
    memcpy(at + PORT, compact->address.ip, size);
    at += PORT + size;
    bytes_put_big_endian(at, compact->bump, BUMP);
    return (size_t)(bytes_copy(at + BUMP, compact->name) - out);
}

/* ---- The map ---- */

static int pack_text(struct wire_sink *sink, shoal_bytes text)
{
    return text.size > UINT8_MAX /* cannot be */
               ? -1
               : wire_pack_str_with_body(sink, text.data, text.size);
}

static int pack_key(struct wire_sink *sink, const char *key)
{
    return pack_text(sink, bytes_of(key, strlen(key)));
}

size_t compact_to_map(const struct compact *compact, uint8_t *out)
{
    struct wire_sink sink = {out, COMPACT_MAP_MAX, 0};
    uint8_t text[IP_TEXT_MAX];
    bool named = compact->name.size > 0;
    shoal_bytes addr = {text, ip_text_write(&compact->address, text)};

    if (wire_pack_map(&sink, 2 + named) || pack_key(&sink, "addr") ||
        pack_text(&sink, addr) || pack_key(&sink, "bump") ||
        wire_pack_uint64(&sink, compact->bump) ||
        (named && (pack_key(&sink, "name") || pack_text(&sink, compact->name))))
        return 0; /* cannot be: there is room for it */
    return sink.size;
}

static bool skip(struct walk *walk, const char *bytes, size_t size)
{
    if ((size_t)(walk->end - walk->at) < size ||
        memcmp(walk->at, bytes, size) != 0)
        return false;
    walk->at += size;
    return true;
}

static bool take_text(struct walk *walk, shoal_bytes *text)
{
    size_t rest = (size_t)(walk->end - walk->at);
    struct check_head head;

    if (check_head(walk->at, rest, &head) || head.type != CHECK_STR ||
        head.body > rest - head.size)
        return false;
    *text = bytes_of(walk->at + head.size, (size_t)head.body);
    walk->at += head.size + text->size;
    return true;
}

static bool take_uint(struct walk *walk, uint64_t *number)
{
    size_t used;

    if (wire_read_uint(walk->at, (size_t)(walk->end - walk->at), UINT64_MAX,
                       number, &used))
        return false;
    walk->at += used;
    return true;
}

bool compact_read_map(shoal_bytes map, struct compact_map *out)
{
    struct walk walk = {map.data, map.data + map.size};
    struct check_head head;

    if (check_head(map.data, map.size, &head) || head.type != CHECK_MAP ||
        head.count < 4 || head.count > 6)
        return false;
    walk.at += head.size;
    out->name = (shoal_bytes){NULL, 0};
    return skip(&walk,
                "\xa4"
                "addr",
                5) &&
           take_text(&walk, &out->addr) &&
           skip(&walk,
                "\xa4"
                "bump",
                5) &&
           take_uint(&walk, &out->bump) &&
           (head.count == 4 || (skip(&walk,
                                     "\xa4"
                                     "name",
                                     5) &&
                                take_text(&walk, &out->name))) &&
           walk.at == walk.end;
}

size_t compact_of_map(shoal_bytes map, uint8_t *out)
{
    struct compact_map entries;
    struct compact compact;
    bool named;

    if (!compact_read_map(map, &entries) || entries.bump >= BUMP_END ||
        !ip_text_read(entries.addr, &compact.address))
        return 0;
    named = entries.name.data != NULL;
    if (named && entries.name.size == 0)
        return 0;
    compact.bump = entries.bump;
    compact.name = entries.name;
    return write_compact(&compact, out);
}

size_t compact_shrink(uint8_t *id, size_t size)
{
    uint8_t out[COMPACT_MAX];
    size_t shorter = compact_of_map(bytes_of(id, size), out);

    if (shorter == 0)
        return size;
    memcpy(id, out, shorter);
    return shorter;
}
