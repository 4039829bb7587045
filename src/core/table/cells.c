/* SPDX-License-Identifier: MIT */
#include "cells.h"

#include "members.h"
#include "tag_set.h"

enum { LEAST_BITS = CELLS_BUCKET_BITS, MOST_BITS = 24 };

static uint32_t hash_of(const struct member *member)
{
    return member->identity->wire_hash;
}

static uint64_t version_of(const struct member *member)
{
    return tags_version(member->tags);
}

uint32_t cells_part(uint32_t hash, uint64_t version)
{
    if (version == 0)
        return hash;
    uint64_t mixed =
        (hash ^ version * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)(mixed >> 32);
}

/* ---- Chains ---- */

void cells_clear(struct cells *cells, struct mem *mem)
{
    if (cells->heads)
        mem_resize(mem, cells->heads, sizeof *cells->heads << cells->bits, 0);
    *cells = (struct cells){0};
}

static uint32_t *head_of(const struct cells *cells, uint32_t hash)
{
    return &cells->heads[hash >> (CELLS_MAX_BITS - cells->bits)];
}

static void chain(struct cells *cells, struct member *member)
{
    uint32_t *head = head_of(cells, hash_of(member));
    member->next_in_cell = *head;
    *head = member->slot;
}

/* Twice as many chains, in place of the old ones. */
static void rechain(struct members *members)
{
    struct cells *cells = &members->cells;
    for (uint32_t i = 0; i < 1u << cells->bits; i++)
        cells->heads[i] = NO_SLOT;
    for (uint32_t i = 0; i < members->active.count; i++)
        chain(cells, members_at(members, members->active.slots[i]));
}

bool cells_reserve(struct members *members, struct mem *mem)
{
    struct cells *cells = &members->cells;
    uint8_t bits = cells->heads ? cells->bits : LEAST_BITS;
    while (bits < MOST_BITS && members->active.count >= 1u << bits)
        bits++;
    if (cells->heads && bits == cells->bits)
        return true;
    size_t before = cells->heads ? sizeof *cells->heads << cells->bits : 0;
    uint32_t *heads =
        mem_resize(mem, cells->heads, before, sizeof *cells->heads << bits);
    if (!heads)
        return false;
    cells->heads = heads;
    cells->bits = bits;
    rechain(members);
    return true;
}

static void count(struct cells *cells, const struct member *member, int by)
{
    uint32_t hash = hash_of(member);
    uint32_t bucket = cell_bucket(hash);
    uint32_t part = cells_part(hash, version_of(member));
    cells->sums[hash >> (CELLS_MAX_BITS - CELLS_SUM_BITS)] ^= part;
    cells->bucket_sums[bucket] ^= part;
    cells->sum ^= part;
    cells->counts[bucket] += (uint32_t)by;
    cells->touched |= (uint8_t)(1 << bucket);
}

void cells_add(struct members *members, struct member *member)
{
    chain(&members->cells, member);
    count(&members->cells, member, 1);
}

void cells_remove(struct members *members, struct member *member)
{
    uint32_t *at = head_of(&members->cells, hash_of(member));
    while (*at != member->slot)
        at = &members_at(members, *at)->next_in_cell;
    *at = member->next_in_cell;
    count(&members->cells, member, -1);
}

/* ---- Walks ---- */

struct cell_walk cells_walk(const struct members *members, struct cell cell,
                            uint32_t from)
{
    const struct cells *cells = &members->cells;
    struct cell_walk walk = {.cell = cell, .slot = NO_SLOT};
    if (!cells->heads)
        return walk;
    walk.first = cell.prefix >> (CELLS_MAX_BITS - cells->bits);
    walk.count = cell.bits < cells->bits ? 1u << (cells->bits - cell.bits) : 1;
    walk.offset = from & (walk.count - 1);
    return walk;
}

struct member *cells_next(const struct members *members, struct cell_walk *walk)
{
    for (;;) {
        while (walk->slot == NO_SLOT) {
            if (walk->done == walk->count)
                return NULL;
            uint32_t at = (walk->offset + walk->done++) & (walk->count - 1);
            walk->slot = members->cells.heads[walk->first + at];
        }
        struct member *member = members_at(members, walk->slot);
        walk->slot = member->next_in_cell;
        if (cell_has(walk->cell, hash_of(member)))
            return member;
    }
}

struct member *cells_find(const struct members *members, uint32_t hash)
{
    struct cell_walk walk =
        cells_walk(members, (struct cell){hash, CELLS_MAX_BITS}, 0);
    return cells_next(members, &walk);
}

/* ---- Sums ---- */

uint32_t cells_sum(const struct members *members, struct cell cell)
{
    const uint32_t *sums = members->cells.sums;
    uint32_t sum = 0;
    if (cell.bits <= CELLS_SUM_BITS) {
        uint32_t first = cell.prefix >> (CELLS_MAX_BITS - CELLS_SUM_BITS);
        for (uint32_t i = 0; i < 1u << (CELLS_SUM_BITS - cell.bits); i++)
            sum ^= sums[first + i];
        return sum;
    }
    struct cell_walk walk = cells_walk(members, cell, 0);
    for (const struct member *member; (member = cells_next(members, &walk));)
        sum ^= cells_part(hash_of(member), version_of(member));
    return sum;
}
