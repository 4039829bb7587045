/* SPDX-License-Identifier: MIT */
/*
 * The stock identity: a map {"addr": "host:port", "bump": uint, ...}, answered
 * for in C so that a member without a script of its own asks nobody.
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
 */
#include "wire.h"

#include "check.h"

#include <msgpack/pack.h>
#include <string.h>

/* Where things are in an identity. */
struct stock {
    shoal_bytes addr;
    uint64_t bump;
    shoal_bytes bump_value; /* its encoding */
};

static int compare(shoal_bytes a, shoal_bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = memcmp(a.data, b.data, shorter);

    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

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

static int read_addr(shoal_bytes value, shoal_bytes *addr)
{
    struct check_head head;

    if (check_head(value.data, value.size, &head) || head.type != CHECK_STR ||
        head.body == 0)
        return SHOAL_ERR_IDENTITY;
    addr->data = value.data + head.size;
    addr->size = (size_t)head.body;
    return 0;
}

static int read_bump(shoal_bytes value, struct stock *stock)
{
    size_t used;

    stock->bump_value = value;
    return wire_read_uint(value.data, value.size, SHOAL_MAX_BUMP, &stock->bump,
                          &used)
               ? SHOAL_ERR_IDENTITY
               : 0;
}

static int read_entry(shoal_bytes key, shoal_bytes value, struct stock *stock)
{
    if (is_key(key, "addr"))
        return read_addr(value, &stock->addr);
    if (is_key(key, "bump"))
        return read_bump(value, stock);
    return 0;
}

static int parse(shoal_bytes id, struct stock *stock)
{
    shoal_bytes rest = id, last = {NULL, 0}, key;
    struct check_head head;
    size_t used;

    memset(stock, 0, sizeof *stock);
    if (id.size > SHOAL_MAX_IDENTITY ||
        check_value(id.data, id.size, CHECK_DEPTH, &used) || used != id.size)
        return SHOAL_ERR_IDENTITY;
    if (check_head(id.data, id.size, &head) || head.type != CHECK_MAP)
        return SHOAL_ERR_IDENTITY;
    rest.data += head.size;
    rest.size -= head.size;
    while (rest.size > 0) {
        key = take_value(&rest);
        if (last.data && compare(last, key) >= 0)
            return SHOAL_ERR_IDENTITY;
        if (read_entry(key, take_value(&rest), stock))
            return SHOAL_ERR_IDENTITY;
        last = key;
    }
    return stock->addr.data && stock->bump_value.data ? 0 : SHOAL_ERR_IDENTITY;
}

/* ---- The three questions ---- */

static int addr_of(void *context, shoal_bytes id, shoal_bytes *addr,
                   shoal_bytes *endpoint)
{
    struct stock stock;

    (void)context;
    if (parse(id, &stock))
        return SHOAL_ERR_IDENTITY;
    *addr = stock.addr;
    *endpoint = stock.addr;
    return 0;
}

/* The same with bump + 1, which may take more bytes than bump did. */
static int renew(void *context, shoal_bytes id, uint8_t *out, size_t *size)
{
    struct wire_sink sink = {out, SHOAL_MAX_IDENTITY, 0};
    msgpack_packer packer;
    struct stock stock;
    const uint8_t *after;
    size_t before;

    (void)context;
    if (parse(id, &stock))
        return SHOAL_ERR_IDENTITY;
    if (stock.bump == SHOAL_MAX_BUMP)
        return 0;
    before = (size_t)(stock.bump_value.data - id.data);
    after = stock.bump_value.data + stock.bump_value.size;
    msgpack_packer_init(&packer, &sink, wire_sink_write);
    if (wire_sink_write(&sink, (const char *)id.data, before) ||
        msgpack_pack_uint64(&packer, stock.bump + 1) ||
        wire_sink_write(&sink, (const char *)after,
                        id.size - before - stock.bump_value.size))
        return 0;
    *size = sink.size;
    return 1;
}

static int wins(void *context, shoal_bytes id, shoal_bytes adversary)
{
    struct stock a, b;

    (void)context;
    if (parse(id, &a) || parse(adversary, &b))
        return SHOAL_ERR_IDENTITY;
    if (a.bump != b.bump)
        return a.bump > b.bump;
    return compare(id, adversary) > 0;
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
    msgpack_packer packer;

    if (addr.size == 0 || addr.size > SHOAL_MAX_IDENTITY ||
        bump > SHOAL_MAX_BUMP)
        return SHOAL_ERR_IDENTITY;
    msgpack_packer_init(&packer, &sink, wire_sink_write);
    if (msgpack_pack_map(&packer, 2) ||
        msgpack_pack_str_with_body(&packer, "addr", 4) ||
        msgpack_pack_str_with_body(&packer, addr.data, addr.size) ||
        msgpack_pack_str_with_body(&packer, "bump", 4) ||
        msgpack_pack_uint64(&packer, bump))
        return SHOAL_ERR_IDENTITY;
    *size = sink.size;
    return 0;
}
