/* SPDX-License-Identifier: MIT */
#include "index.h"

#include <string.h>

enum { FIRST_CAPACITY = 16 };

void index_clear(struct index *index, struct mem *mem)
{
    mem_resize(mem, index->cells, index->capacity * sizeof *index->cells, 0);
    *index = (struct index){0};
}

static void put(struct index *index, uint32_t hash, uint32_t slot)
{
    uint32_t mask = index->capacity - 1, i = hash & mask;
    while (index->cells[i])
        i = (i + 1) & mask;
    index->cells[i] = (hash & 0xff000000u) | (slot + 1);
}

bool index_reserve(struct index *index, struct mem *mem, index_hash_of *hash_of,
                   const void *context, uint32_t num_slots)
{
    /* Full at 7/8: linear probing stays short and memory small. */
    if (index->count + 1 <= index->capacity - index->capacity / 8 &&
        index->capacity > 0)
        return true;
    struct index grown = {.count = index->count};
    grown.capacity = index->capacity ? index->capacity * 2 : FIRST_CAPACITY;
    size_t size = grown.capacity * sizeof *grown.cells;
    grown.cells = mem_resize(mem, NULL, 0, size);
    if (!grown.cells)
        return false;
    memset(grown.cells, 0, size);
    /* Not cell by cell: the slots lie one behind the other in memory. */
    uint32_t hash;
    for (uint32_t slot = 0; slot < num_slots; slot++)
        if (hash_of(context, slot, &hash))
            put(&grown, hash, slot);
    index_clear(index, mem);
    *index = grown;
    return true;
}

void index_insert(struct index *index, uint32_t hash, uint32_t slot)
{
    put(index, hash, slot);
    index->count++;
}

void index_remove(struct index *index, uint32_t hash, uint32_t slot,
                  index_hash_of *hash_of, const void *context)
{
    uint32_t mask = index->capacity - 1, hole = hash & mask;
    while ((index->cells[hole] & 0xffffffu) != slot + 1)
        hole = (hole + 1) & mask;
    /* Close the gap: whoever stands behind it and was pushed past it by
     * collisions moves up. */
    for (uint32_t i = (hole + 1) & mask; index->cells[i]; i = (i + 1) & mask) {
        uint32_t other = (index->cells[i] & 0xffffffu) - 1;
        uint32_t home = 0;
        hash_of(context, other, &home);
        home &= mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            index->cells[hole] = index->cells[i];
            hole = i;
        }
    }
    index->cells[hole] = 0;
    index->count--;
}
