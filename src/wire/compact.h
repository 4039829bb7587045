/* SPDX-License-Identifier: MIT */
/*
 * The compact form of the stock identity: 15 bytes instead of 34.
 *
 *   +----+------+-------+-------+---------+-------+- - - -+
 *   | c7 | size | 1, 2  | port  | address | bump  | name  |
 *   +----+------+-------+-------+---------+-------+- - - -+
 *     an  of what  IPv4,  u16 be  4 or 16   u48 be  as it is;
 *     ext follows  IPv6           bytes             empty: none
 *         the type
 *
 * It stands for the map {"addr": text, "bump": uint}, or that with a "name",
 * when the text is one of ip_text.h, the bump is below 2^48, the name is not
 * empty, and all of it fits. A map of which that is true is not an identity:
 * one life has one encoding.
 */
#ifndef SHOAL_WIRE_COMPACT_H
#define SHOAL_WIRE_COMPACT_H

#include "ip_text.h"

enum {
    COMPACT_MAX = 3 + 255,         /* bytes of one */
    COMPACT_MAP_MAX = 3 + 255 + 64 /* of the map that it stands for */
};

struct compact {
    struct ip_port address;
    uint64_t bump;
    shoal_bytes name; /* points into the identity */
};

/* Begins it like one? Then it is nothing else. */
static inline bool compact_is(shoal_bytes id)
{
    return id.size > 0 && id.data[0] == 0xc7;
}

/* The bytes of the ext that stands at data[0], whatever is in it, when it is of
 * such a form and whole; else 0. As good as check_value(), and most often all
 * that there is to ask. */
static inline size_t compact_span(const uint8_t *data, size_t size)
{
    size_t span = size >= 3 && data[0] == 0xc7 ? 3u + data[1] : 0;

    return span <= size ? span : 0;
}

/* false: `id`, which may be any bytes, is not one. */
bool compact_read(shoal_bytes id, struct compact *out);
/* Its bump; `id` is one. */
uint64_t compact_bump(shoal_bytes id);
/* The map that it stands for, into `out` (COMPACT_MAP_MAX bytes). Returns its
 * size. */
size_t compact_to_map(const struct compact *compact, uint8_t *out);

/* The three entries of such a map. */
struct compact_map {
    shoal_bytes addr;
    uint64_t bump; /* of any size */
    shoal_bytes name;
};

/* Is it a map with just these, in their order? It may be any bytes. What was
 * read points into them. */
bool compact_read_map(shoal_bytes map, struct compact_map *out);
/* The compact form of such a map, into `out` (COMPACT_MAX bytes). Returns its
 * size; 0: it has none. */
size_t compact_of_map(shoal_bytes map, uint8_t *out);
/* Puts it in the place of the identity in `id`, if it has one. Returns the size
 * that it has now. */
size_t compact_shrink(uint8_t *id, size_t size);

#endif
