/* SPDX-License-Identifier: MIT */
/*
 * The table of everybody we know of, ourselves excluded.
 *
 * A member lives in a slot and never moves. It is found by identity and by
 * address through two hash indexes, and stands in one of two arrays, active or
 * down, from which random members are picked by position. At 100,000 members
 * with identities of 24 bytes: 40 bytes a member, 48 its identity, 11 both
 * indexes, 5 the array.
 */
#ifndef SHOAL_CORE_MEMBERS_H
#define SHOAL_CORE_MEMBERS_H

#include "../base/rng.h"
#include "identity.h"
#include "index.h"
#include "member.h"

/* Slots in the order in which they are probed (active) or picked (down). */
struct order {
    uint32_t *slots;
    uint32_t count, capacity;
    uint32_t next; /* those before it were taken in this round */
};

struct members {
    struct member **chunks;
    uint32_t num_chunks, chunks_capacity;
    uint32_t used;       /* slots ever used */
    uint32_t free_slots; /* head of the list of free ones, or NO_SLOT */
    uint32_t count;
    struct index by_id, by_addr;
    struct order active, down;
};

void members_init(struct members *members);
void members_clear(struct members *members, struct mem *mem);

struct member *members_at(const struct members *members, uint32_t slot);
/* NULL for a free slot. */
struct member *members_live(const struct members *members, uint32_t slot);
struct member *members_find_id(const struct members *members, shoal_bytes id,
                               uint32_t hash);
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
/* Makes room so that one members_set_state() to `state` cannot fail. */
bool members_reserve_state(struct members *members, struct mem *mem,
                           shoal_state state);
/* Moves the member between the arrays as needed. */
void members_set_state(struct members *members, struct member *member,
                       shoal_state state);

/* The next one of a round-robin in shuffled order (SWIM 4.3): everybody is
 * taken once in each round, and newcomers come in at a random place of it.
 * NULL when `order` is empty. */
struct member *members_next(struct members *members, struct order *order,
                            struct rng *rng);

typedef bool members_filter(void *context, const struct member *member);
/* Up to `k` (at most MEMBERS_MAX_PICK) distinct random members of `order` that
 * pass `filter` (may be NULL); all of them when there are fewer. Costs O(k)
 * when most pass. */
enum { MEMBERS_MAX_PICK = 255 };
uint32_t members_pick(const struct members *members, const struct order *order,
                      struct rng *rng, uint32_t k, members_filter *filter,
                      void *context, struct member *out[]);

#endif
