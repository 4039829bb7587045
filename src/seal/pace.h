/* SPDX-License-Identifier: MIT */
/* At most so many a second for each address. It remembers 256 addresses of one
 * second, four of them in one place; there the one that has had fewest makes
 * room, and may begin again: so a crowd of invented addresses leaves those that
 * have had many, and takes nothing from an address that has had none. */
#ifndef SHOAL_SEAL_PACE_H
#define SHOAL_SEAL_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum { PACE_PLACES = 64, PACE_OF_ONE = 4 };

struct pace_count {
    uint32_t of; /* a part of the address's hash */
    uint32_t second, count;
};

/* All zero: nobody had any. */
struct pace {
    struct pace_count places[PACE_PLACES][PACE_OF_ONE];
};

/* Its own, or the one that makes room. */
static inline struct pace_count *pace_find(struct pace_count *place,
                                           uint32_t of, uint32_t second)
{
    struct pace_count *least = place;
    unsigned i;

    for (i = 0; i < PACE_OF_ONE; i++) {
        if (place[i].second != second)
            place[i].count = 0;
        else if (place[i].of == of)
            return &place[i];
        if (place[i].count < least->count)
            least = &place[i];
    }
    *least = (struct pace_count){of, second, 0};
    return least;
}

/* `hash` is of the address. */
static inline bool pace_allows(struct pace *pace, uint64_t hash,
                               uint64_t now_us, uint32_t most)
{
    struct pace_count *count =
        pace_find(pace->places[hash % PACE_PLACES], (uint32_t)(hash >> 32),
                  (uint32_t)(now_us / 1000000) + 1);

    if (count->count >= most)
        return false;
    count->count++;
    return true;
}

#endif
