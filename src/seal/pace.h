/* SPDX-License-Identifier: MIT */
/* At most so many a second for each address. Addresses share 256 places, so a
 * few may have to share what one may have. */
#ifndef SHOAL_SEAL_PACE_H
#define SHOAL_SEAL_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum { PACE_PLACES = 256, PACE_A_SECOND = 10 };

/* All zero: nobody had any. */
struct pace {
    struct {
        uint32_t second;
        uint32_t count;
    } places[PACE_PLACES];
};

/* `hash` is of the address. */
static inline bool pace_allows(struct pace *pace, uint64_t hash,
                               uint64_t now_us)
{
    uint32_t second = (uint32_t)(now_us / 1000000) + 1;
    unsigned place = (unsigned)(hash % PACE_PLACES);

    if (pace->places[place].second != second) {
        pace->places[place].second = second;
        pace->places[place].count = 0;
    }
    return pace->places[place].count++ < PACE_A_SECOND;
}

#endif
