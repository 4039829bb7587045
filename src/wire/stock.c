/* SPDX-License-Identifier: MIT */
/*
 * The stock identity: a map {"addr": "host:port", "bump": uint, ...}, or the
 * compact form of it (compact.h), answered for in C so that a member without a
 * script of its own asks nobody.
 *
 *   +----------+--------+-----------+--------+------+ - - -
 *   | 82 to 8f | "addr" |    str    | "bump" | uint | further keys
 *   +----------+--------+-----------+--------+------+ - - -
 *     or map16
 *
 * Keys are in the order of their encoded bytes, none twice: with every number
 * in its smallest form, which is how they are written here, one identity has
 * one encoding, and comparing bytes compares identities. The order is demanded
 * of others too, so that no two readers can disagree about which "addr" counts.
 *
 * The greater bump wins, and among those that are as great as can be (whoever
 * made a mistake, or a forger, was there before) the greater "life"; it is 0
 * where there is none.
 */
#include "wire.h"

#include "../base/bytes.h"
#include "check.h"
#include "compact.h"
#include "packer.h"

#include <string.h>

/* Where things are in an identity. */
struct stock {
    shoal_bytes addr; /* of a map */
    uint64_t bump, life;
    bool has_bump, has_life;
};

static const shoal_bytes life_key = {(const uint8_t *)"\xa4life", 5};

static bool is_key(shoal_bytes key, const char *name)
{
    size_t length = strlen(name); /* 31 at most: a fixstr */

    return key.size == 1 + length && key.data[0] == (0xa0 | length) &&
           memcmp(key.data + 1, name, length) == 0;
}

/* Takes the first value off `rest`, in which all is known to be well-formed. */
static shoal_bytes take_value(shoal_bytes *rest)
{
    shoal_bytes value = {rest->data, 0};

    if (check_value(rest->data, rest->size, CHECK_DEPTH, &value.size))
        value.size = rest->size;
    rest->data += value.size;
    rest->size -= value.size;
    return value;
}

static bool is_addr(shoal_bytes text)
{
    return text.size > 0 && text.data[0] != WIRE_ADDR_MARK;
}

static int read_addr(shoal_bytes value, shoal_bytes *addr)
{
    struct check_head head;

    if (check_head(value.data, value.size, &head) || head.type != CHECK_STR ||
        !is_addr(bytes_of(value.data + head.size, (size_t)head.body)))
        return SHOAL_ERR_IDENTITY;
    *addr = bytes_of(value.data + head.size, (size_t)head.body);
    return 0;
}

static int read_number(shoal_bytes value, uint64_t *number, bool *has)
{
    size_t used;

    *has = true;
    return wire_read_uint(value.data, value.size, SHOAL_MAX_BUMP, number, &used)
               ? SHOAL_ERR_IDENTITY
               : 0;
}

static int read_entry(shoal_bytes key, shoal_bytes value, struct stock *stock)
{
    if (is_key(key, "addr"))
        return read_addr(value, &stock->addr);
    if (is_key(key, "bump"))
        return read_number(value, &stock->bump, &stock->has_bump);
    if (is_key(key, "life"))
        return read_number(value, &stock->life, &stock->has_life);
    return 0;
}

static int parse_map(shoal_bytes id, struct stock *stock)
{
    shoal_bytes rest = id, last = {NULL, 0}, key;
    struct check_head head;
    size_t used;

    if (id.size > SHOAL_MAX_IDENTITY ||
        check_value(id.data, id.size, CHECK_DEPTH, &used) || used != id.size)
        return SHOAL_ERR_IDENTITY;
    if (check_head(id.data, id.size, &head) || head.type != CHECK_MAP)
        return SHOAL_ERR_IDENTITY;
    rest.data += head.size;
    rest.size -= head.size;
    while (rest.size > 0) {
        key = take_value(&rest);
        if (last.data && bytes_compare(last, key) >= 0)
            return SHOAL_ERR_IDENTITY;
        if (read_entry(key, take_value(&rest), stock))
            return SHOAL_ERR_IDENTITY;
        last = key;
    }
    return stock->addr.data && stock->has_bump ? 0 : SHOAL_ERR_IDENTITY;
}

static int parse_compact(shoal_bytes id, struct stock *stock)
{
    struct compact compact;

    if (!compact_read(id, &compact))
        return SHOAL_ERR_IDENTITY;
    stock->bump = compact.bump;
    stock->has_bump = true;
    return 0;
}

static bool has_compact_form(shoal_bytes map)
{
    uint8_t out[COMPACT_MAX];

    return compact_of_map(map, out) > 0;
}

static int parse(shoal_bytes id, struct stock *stock)
{
    memset(stock, 0, sizeof *stock);
    if (compact_is(id))
        return parse_compact(id, stock);
    if (parse_map(id, stock) || has_compact_form(id))
        return SHOAL_ERR_IDENTITY;
    return 0;
}

/* ---- The three questions ---- */

static int addr_of(void *context, shoal_bytes id, uint8_t *room,
                   shoal_bytes *addr, shoal_bytes *endpoint)
{
    struct compact compact;
    struct stock stock;

    (void)context;
    if (compact_read(id, &compact))
        stock.addr = (shoal_bytes){room, ip_text_write(&compact.address, room)};
    else if (parse(id, &stock))
        return SHOAL_ERR_IDENTITY;
    *addr = stock.addr;
    *endpoint = stock.addr;
    return 0;
}

/* Which of two lives at one address is the later one: < 0, 0, > 0. */
static int compare_lives(const struct stock *a, const struct stock *b)
{
    if (a->bump != b->bump)
        return a->bump > b->bump ? 1 : -1;
    return a->life < b->life ? -1 : a->life > b->life;
}

/* The life after the later one of both; false: there is none. */
static bool next_life(struct stock *stock, shoal_bytes adversary)
{
    struct stock other;

    if (adversary.size > 0 && parse(adversary, &other) == 0 &&
        compare_lives(&other, stock) > 0) {
        stock->bump = other.bump;
        stock->life = other.life;
    }
    if (stock->bump < SHOAL_MAX_BUMP) {
        stock->bump++;
        stock->life = 0;
        return true;
    }
    return stock->life++ < SHOAL_MAX_BUMP;
}

static int pack_number(struct wire_sink *sink, const char *name,
                       uint64_t number)
{
    return wire_pack_str_with_body(sink, name, strlen(name)) ||
           wire_pack_uint64(sink, number);
}

static int pack_span(struct wire_sink *sink, shoal_bytes span)
{
    return wire_sink_put(sink, span.data, span.size);
}

/* Every entry of `id` but the life, with that bump. */
static int pack_entries(struct wire_sink *sink, shoal_bytes rest,
                        const struct stock *stock)
{
    bool has_life = stock->life == 0;

    while (rest.size > 0) {
        shoal_bytes key = take_value(&rest), value = take_value(&rest);

        if (is_key(key, "life"))
            continue;
        if (!has_life && bytes_compare(key, life_key) > 0) {
            has_life = true;
            if (pack_number(sink, "life", stock->life))
                return -1;
        }
        if (is_key(key, "bump")
                ? pack_number(sink, "bump", stock->bump)
                : pack_span(sink, key) || pack_span(sink, value))
            return -1;
    }
    return has_life ? 0 : pack_number(sink, "life", stock->life);
}

/* Our own keys, and a later bump or life, which may take more bytes. 0: too
 * many. */
static size_t write_map(shoal_bytes map, const struct stock *stock,
                        uint8_t *out)
{
    struct wire_sink sink = {out, SHOAL_MAX_IDENTITY, 0};
    struct check_head head;

    if (check_head(map.data, map.size, &head))
        return 0;
    if (wire_pack_map(&sink, (size_t)head.count / 2 - stock->has_life +
                                 (stock->life > 0)) ||
        pack_entries(&sink,
                     (shoal_bytes){map.data + head.size, map.size - head.size},
                     stock))
        return 0;
    return sink.size;
}

static int renew(void *context, shoal_bytes id, shoal_bytes adversary,
                 uint8_t *out, size_t *size)
{
    uint8_t map[COMPACT_MAP_MAX];
    struct compact compact;
    struct stock stock;
    size_t written;

    (void)context;
    if (parse(id, &stock))
        return SHOAL_ERR_IDENTITY;
    if (compact_read(id, &compact))
        id = (shoal_bytes){map, compact_to_map(&compact, map)};
    if (!next_life(&stock, adversary))
        return 0;
    written = write_map(id, &stock, out);
    if (written == 0)
        return 0;
    *size = compact_shrink(out, written);
    return 1;
}

static int wins(void *context, shoal_bytes id, shoal_bytes adversary)
{
    struct stock a, b;

    (void)context;
    if (parse(id, &a) || parse(adversary, &b))
        return SHOAL_ERR_IDENTITY;
    if (compare_lives(&a, &b) != 0)
        return compare_lives(&a, &b) > 0;
    return bytes_compare(id, adversary) > 0;
}

shoal_identity_questions shoal_stock_identity(void)
{
    shoal_identity_questions questions = {
        .addr = addr_of,
        .renew = renew,
        .wins = wins,
    };

    return questions;
}

int shoal_stock_identity_new(shoal_bytes addr, uint64_t bump, uint8_t *out,
                             size_t *size)
{
    struct wire_sink sink = {out, SHOAL_MAX_IDENTITY, 0};

    if (!is_addr(addr) || addr.size > SHOAL_MAX_IDENTITY ||
        bump > SHOAL_MAX_BUMP)
        return SHOAL_ERR_IDENTITY;
    if (wire_pack_map(&sink, 2) || wire_pack_str_with_body(&sink, "addr", 4) ||
        wire_pack_str_with_body(&sink, addr.data, addr.size) ||
        wire_pack_str_with_body(&sink, "bump", 4) ||
        wire_pack_uint64(&sink, bump))
        return SHOAL_ERR_IDENTITY;
    *size = compact_shrink(out, sink.size);
    return 0;
}
