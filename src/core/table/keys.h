/* SPDX-License-Identifier: MIT */
/*
 * Finds the waiting broadcast with a key, so that a newer one with the same key
 * takes its place without a look at the others.
 *
 * A cell is the entry's owner (backlog.h): the entry empties it when it goes,
 * and empty cells are swept out later, at no more than a constant cost per
 * insertion.
 */
#ifndef SHOAL_CORE_TABLE_KEYS_H
#define SHOAL_CORE_TABLE_KEYS_H

#include "backlog.h"

struct keys {
    struct key_cell **buckets;
    uint32_t num_buckets; /* a power of two, or 0 */
    uint32_t count;       /* cells, empty ones included */
};

void keys_clear(struct keys *keys, struct mem *mem);
/* The owner for an entry with that key: it has the one that waits, or NULL.
 * NULL: out of memory. */
struct entry **keys_owner(struct keys *keys, struct mem *mem, shoal_bytes key,
                          uint32_t hash);

#endif
