/* SPDX-License-Identifier: MIT */
/*
 * The active members by the hash of their identities, so that two members find
 * out cheaply in what they differ.
 *
 * A *cell* is the members whose hash (wire_hash()) begins with certain bits:
 * that of no bits is everybody, and each further bit halves it. The *part* of a
 * member is a mix of its identity and of the version of its tags; the *sum* of
 * a cell is the xor of the parts in it. Equal sums: the same members, with the
 * same tags.
 *
 * Sums of cells of up to CELLS_SUM_BITS bits are kept, those of smaller ones
 * are added up when they are wanted. Members with the same leading bits form a
 * chain, and there are about as many chains as members, so that the members of
 * a cell are found without looking at others. 1 KB an engine, 8 bytes a member.
 */
#ifndef SHOAL_CORE_TABLE_CELLS_H
#define SHOAL_CORE_TABLE_CELLS_H

#include "mem.h"
#include "member.h"

struct members;

enum {
    CELLS_SUM_BITS = 8,
    CELLS_MAX_BITS = 32,
    CELLS_BUCKET_BITS = 3, /* a bucket is a cell of that many */
    CELLS_BUCKETS = 1 << CELLS_BUCKET_BITS
};

struct cell {
    uint32_t prefix; /* its bits on top, zeros below */
    uint8_t bits;
};

struct cells {
    uint32_t *heads; /* of the chains: a slot, or NO_SLOT */
    uint8_t bits;    /* 1 << bits chains, 0 without any */
    uint32_t sum;    /* of all */
    uint32_t sums[1 << CELLS_SUM_BITS];
    uint32_t counts[CELLS_BUCKETS], bucket_sums[CELLS_BUCKETS];
    uint8_t touched; /* buckets that have changed since somebody looked */
};

void cells_clear(struct cells *cells, struct mem *mem);
/* Makes room for one more. false: out of memory. */
bool cells_reserve(struct members *members, struct mem *mem);
/* `member` is active now, or no longer. */
void cells_add(struct members *members, struct member *member);
void cells_remove(struct members *members, struct member *member);

/* What a member with that hash and version of tags (0: none known) adds. */
uint32_t cells_part(uint32_t hash, uint64_t version);
uint32_t cells_sum(const struct members *members, struct cell cell);

static inline bool cell_has(struct cell cell, uint32_t hash)
{
    return cell.bits == 0 ||
           (hash ^ cell.prefix) >> (CELLS_MAX_BITS - cell.bits) == 0;
}

static inline uint32_t cell_bucket(uint32_t hash)
{
    return hash >> (CELLS_MAX_BITS - CELLS_BUCKET_BITS);
}

/* The `n`th of the cells with `more` further bits that `cell` consists of. */
static inline struct cell cell_sub(struct cell cell, uint8_t more, uint32_t n)
{
    uint8_t bits = cell.bits + more;
    return (struct cell){cell.prefix | n << (CELLS_MAX_BITS - bits), bits};
}

/* Walks the members of a cell, beginning anywhere:
 *
 *     struct cell_walk walk = cells_walk(members, cell, from);
 *     while ((member = cells_next(members, &walk)))
 *
 * `from` is any number: equal ones begin at the same place. Members must not
 * come or go meanwhile. */
struct cell_walk {
    struct cell cell;
    uint32_t first, count, offset; /* chains: of the cell, passed by */
    uint32_t done, slot;
};
struct cell_walk cells_walk(const struct members *members, struct cell cell,
                            uint32_t from);
struct member *cells_next(const struct members *members,
                          struct cell_walk *walk);
/* The active member with that hash, or NULL. */
struct member *cells_find(const struct members *members, uint32_t hash);

#endif
