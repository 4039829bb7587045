/* SPDX-License-Identifier: MIT */
/*
 * Addresses that do not have the key that we use: what goes there is sealed
 * with another one. A member that was away while the key was changed comes back
 * with the old one, and must be able to read the answer.
 *
 * An address is noted for a minute when an authentic packet comes from there
 * that is sealed with another key of ours, and for as long as a rotation says
 * so (../script/node/rotation.h). Where nobody is, a packet costs one look at a
 * number. Addresses share 512 places, two to choose from: the one that is
 * needed for less long goes.
 *
 * The deputy's thread may look while the loop's notes, and the reverse.
 */
#ifndef SHOAL_SEAL_SPEAKERS_H
#define SHOAL_SEAL_SPEAKERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { SPEAKERS_PLACES = 512, SPEAKERS_US = 60 * 1000 * 1000 };

struct speaker {
    uint64_t hash; /* of the address */
    uint64_t until_us;
    uint8_t id[2]; /* of the key */
};

struct speakers {
    pthread_mutex_t lock;
    struct speaker *places;         /* NULL: nobody was noted yet */
    atomic_uint_fast64_t latest_us; /* all are over then */
};

void speakers_init(struct speakers *speakers);
void speakers_clear(struct speakers *speakers);
/* From now on until then; no longer than `until_us` if that is past. */
void speakers_note(struct speakers *speakers, uint64_t hash,
                   const uint8_t id[2], uint64_t until_us);
/* Is nobody noted any more? */
static inline bool speakers_are_over(const struct speakers *speakers,
                                     uint64_t now_us)
{
    return now_us >=
           atomic_load_explicit(&speakers->latest_us, memory_order_relaxed);
}
/* Which key that address has; false: nothing is known of it. */
bool speakers_find(struct speakers *speakers, uint64_t hash, uint64_t now_us,
                   uint8_t id[2]);

#endif
