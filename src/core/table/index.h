/* SPDX-License-Identifier: MIT */
/*
 * A hash index from 32-bit hashes to slot numbers: open addressing, linear
 * probing. A cell is a tag (8 bits of the hash) and a slot (24 bits), so that a
 * lookup follows a slot only once in 256 for nothing.
 *
 * The index stores no hashes; its owner supplies them again where needed.
 */
#ifndef SHOAL_CORE_TABLE_INDEX_H
#define SHOAL_CORE_TABLE_INDEX_H

#include "mem.h"

enum { INDEX_MAX_SLOT = (1 << 24) - 2 };

struct index {
    uint32_t *cells; /* 0: empty; else tag << 24 | slot + 1 */
    uint32_t capacity;
    uint32_t count;
};

/* The hash of what is in `slot`: true, or false when nothing is. */
typedef bool index_hash_of(const void *context, uint32_t slot, uint32_t *hash);

void index_clear(struct index *index, struct mem *mem);
/* Makes room so that one index_insert() cannot fail. What is in the index is in
 * one of the first `num_slots` slots. false: out of memory. */
bool index_reserve(struct index *index, struct mem *mem, index_hash_of *hash_of,
                   const void *context, uint32_t num_slots);
void index_insert(struct index *index, uint32_t hash, uint32_t slot);
/* `slot` must be in the index under `hash`. */
void index_remove(struct index *index, uint32_t hash, uint32_t slot,
                  index_hash_of *hash_of, const void *context);

/* A lookup of `hash` comes soon: its cells shall be in the cache by then. */
static inline void index_warm(const struct index *index, uint32_t hash)
{
    if (index->capacity > 0)
        mem_warm(&index->cells[hash & (index->capacity - 1)]);
}

/* Walks the slots that may have `hash`. Start with *at = INDEX_START; answers
 * a slot or INDEX_END. */
#define INDEX_START UINT32_MAX
#define INDEX_END   UINT32_MAX
static inline uint32_t index_find(const struct index *index, uint32_t hash,
                                  uint32_t *at)
{
    if (index->capacity == 0)
        return INDEX_END;
    uint32_t mask = index->capacity - 1, tag = hash & 0xff000000u;
    uint32_t i = *at == INDEX_START ? hash & mask : (*at + 1) & mask;
    for (; index->cells[i]; i = (i + 1) & mask) {
        if ((index->cells[i] & 0xff000000u) == tag) {
            *at = i;
            return (index->cells[i] & 0xffffffu) - 1;
        }
    }
    return INDEX_END;
}

#endif
