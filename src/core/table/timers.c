/* SPDX-License-Identifier: MIT */
#include "timers.h"

void timers_clear(struct timers *timers, struct mem *mem)
{
    mem_resize(mem, timers->heap, timers->capacity * sizeof *timers->heap, 0);
    *timers = (struct timers){0};
}

bool timers_reserve(struct timers *timers, struct mem *mem)
{
    if (timers->count < timers->capacity)
        return true;
    uint32_t capacity = timers->capacity ? timers->capacity * 2 : 16;
    struct timer *heap =
        mem_resize(mem, timers->heap, timers->capacity * sizeof *heap,
                   capacity * sizeof *heap);
    if (!heap)
        return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

static void put(struct timers *timers, uint32_t at, struct timer timer)
{
    timers->heap[at] = timer;
    *timer.place = at + 1;
}

static uint32_t sift_up(struct timers *timers, uint32_t at, struct timer timer)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 2;
        if (timers->heap[parent].at_us <= timer.at_us)
            break;
        put(timers, at, timers->heap[parent]);
        at = parent;
    }
    return at;
}

static uint32_t sift_down(struct timers *timers, uint32_t at,
                          struct timer timer)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= timers->count)
            return at;
        if (child + 1 < timers->count &&
            timers->heap[child + 1].at_us < timers->heap[child].at_us)
            child++;
        if (timers->heap[child].at_us >= timer.at_us)
            return at;
        put(timers, at, timers->heap[child]);
        at = child;
    }
}

/* Settles `timer` in the hole at `at`. */
static void settle(struct timers *timers, uint32_t at, struct timer timer)
{
    at = sift_up(timers, at, timer);
    put(timers, sift_down(timers, at, timer), timer);
}

void timers_set(struct timers *timers, uint32_t *place, uint32_t slot,
                uint64_t at_us)
{
    uint32_t at = *place ? *place - 1 : timers->count++;
    settle(timers, at, (struct timer){at_us, place, slot});
}

void timers_cancel(struct timers *timers, uint32_t *place)
{
    if (*place == 0)
        return;
    uint32_t at = *place - 1;
    *place = 0;
    struct timer last = timers->heap[--timers->count];
    if (at < timers->count)
        settle(timers, at, last);
}
