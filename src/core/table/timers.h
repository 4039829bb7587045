/* SPDX-License-Identifier: MIT */
/*
 * The deadlines of members: when a suspicion ends, when a down one is
 * forgotten. A binary heap; a member has at most one deadline and keeps its
 * place in the heap (1-based; 0: none), so that moving one is O(log n).
 */
#ifndef SHOAL_CORE_TABLE_TIMERS_H
#define SHOAL_CORE_TABLE_TIMERS_H

#include "mem.h"

struct timer {
    uint64_t at_us;
    uint32_t *place; /* in its owner */
    uint32_t slot;   /* the owner */
};

struct timers {
    struct timer *heap;
    uint32_t count, capacity;
};

void timers_clear(struct timers *timers, struct mem *mem);
/* Makes room so that one timers_set() cannot fail. false: out of memory. */
bool timers_reserve(struct timers *timers, struct mem *mem);
/* Sets or moves the deadline of the owner of `place`. */
void timers_set(struct timers *timers, uint32_t *place, uint32_t slot,
                uint64_t at_us);
void timers_cancel(struct timers *timers, uint32_t *place);

/* The earliest deadline; SHOAL_NEVER when there is none. */
static inline uint64_t timers_next(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[0].at_us : SHOAL_NEVER;
}

#endif
