/* SPDX-License-Identifier: MIT */
/*
 * The table of everybody we know of, ourselves excluded.
 *
 * A member lives in a slot and never moves. It is found by identity and by
 * address through two hash indexes. Active members stand in an array from which
 * random ones are picked by position; down ones in a line for each kind, in the
 * order in which they went. At 100,000 members with compact identities: 48
 * bytes a member, 56 its identity, 11 both indexes, 5 the array, 5 the cells.
 */
#ifndef SHOAL_CORE_TABLE_MEMBERS_H
#define SHOAL_CORE_TABLE_MEMBERS_H

#include "../../base/rng.h"
#include "cells.h"
#include "identity.h"
#include "index.h"
#include "line.h"
#include "member.h"

/* Slots in the order in which they are probed. */
struct order {
    uint32_t *slots;
    uint32_t count, capacity;
    uint32_t next; /* those before it were taken in this round */
};

enum {
    MEMBERS_SIZE_STEP = 16, /* bytes in which identities are measured */
    MEMBERS_SIZES = SHOAL_MAX_IDENTITY / MEMBERS_SIZE_STEP + 1
};

struct members {
    struct member **chunks;
    uint32_t num_chunks, chunks_capacity;
    uint32_t used;       /* slots ever used */
    uint32_t free_slots; /* head of the list of free ones, or NO_SLOT */
    uint32_t count;
    uint32_t num_suspects;
    struct index by_id, by_addr;
    struct order active;
    struct cells cells;                   /* of the active ones */
    struct line down[PLACE_STRANGER + 1]; /* by enum place; 0 is unused */
    /* Identities of such a size, in steps: known, and of active ones. */
    uint32_t sizes[MEMBERS_SIZES], active_sizes[MEMBERS_SIZES];
};

void members_init(struct members *members);
void members_clear(struct members *members, struct mem *mem);

struct member *members_at(const struct members *members, uint32_t slot);
/* NULL for a free slot. */
struct member *members_live(const struct members *members, uint32_t slot);
struct member *members_find_id(const struct members *members, shoal_bytes id,
                               uint32_t hash);
struct member *members_find_active(const struct members *members,
                                   const struct identity *who);
struct member *members_find_addr(const struct members *members,
                                 shoal_bytes addr, uint32_t hash);

/* Makes room so that one members_insert() cannot fail. false: no memory. */
bool members_reserve(struct members *members, struct mem *mem);
/* Takes over the caller's reference to `identity`. Neither it nor its address
 * may be known already. */
struct member *members_insert(struct members *members,
                              struct identity *identity, shoal_state state);
/* Forgets `member`; its identity is released. */
void members_remove(struct members *members, struct mem *mem,
                    struct member *member);
/* Another identity with the same address; takes over the reference. */
void members_rename(struct members *members, struct mem *mem,
                    struct member *member, struct identity *identity);
/* Others' tags (or NULL) of it; the former ones are the caller's. */
void members_set_tags(struct members *members, struct member *member,
                      struct tags *tags);
/* Makes room so that one members_set_state() to `state` cannot fail. */
bool members_reserve_state(struct members *members, struct mem *mem,
                           shoal_state state);
/* Sets both, and moves the member to where it belongs. `has_left`: it is down
 * for good. */
void members_set_state(struct members *members, struct member *member,
                       shoal_state state, uint16_t incarnation, bool has_left);

/* A down one, for which members_reserve_state() was made, left for good, and
 * was no stranger. */
void members_let_go(struct members *members, struct member *member);

/* Down ones that may be back; a few of those that we never knew may not. */
static inline uint32_t members_num_lost(const struct members *members)
{
    return members->down[PLACE_FAILED].count +
           members->down[PLACE_STRANGER].count;
}

/* The one that has been down longest, of those in `place`, or NULL. */
struct member *members_oldest(const struct members *members, enum place place);
/* The same of all of them. */
struct member *members_oldest_down(const struct members *members);
/* Up to `k` distinct ones that are down and may be back, those that went down
 * last rather than those before: each rank has the chance 1 / rank. */
uint32_t members_pick_down(const struct members *members, struct rng *rng,
                           uint32_t k, struct member *out[]);

/* The bytes of the largest identity known, rounded up; 0 without any. */
size_t members_largest_id(const struct members *members);
/* The bytes of the smallest one of an active member, rounded down; 0 without
 * any. */
size_t members_smallest_id(const struct members *members);

/* The next one of a round-robin in shuffled order (SWIM 4.3): everybody is
 * taken once in each round, and newcomers come in at a random place of it.
 * NULL when `order` is empty. */
struct member *members_next(struct members *members, struct order *order,
                            struct rng *rng);

typedef bool members_filter(void *context, const struct member *member);
/* One of them: those that are not suspect. */
members_filter members_alive;
/* Up to `k` (at most MEMBERS_MAX_PICK) distinct random members of `order` that
 * pass `filter` (may be NULL); all of them when there are fewer. Costs O(k)
 * when most pass. */
enum { MEMBERS_MAX_PICK = 255 };
uint32_t members_pick(const struct members *members, const struct order *order,
                      struct rng *rng, uint32_t k, members_filter *filter,
                      void *context, struct member *out[]);
/* A random active one, alive if there is one. NULL: there is none. */
struct member *members_pick_one(const struct members *members, struct rng *rng);

#endif
