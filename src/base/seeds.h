/* SPDX-License-Identifier: MIT */
/*
 * Seeds: endpoints that the program named, where members can be found.
 *
 * This is whom to ask and when; a driver does the asking (src/host over
 * sockets, src/sim in virtual time):
 *
 *     seeds_update(seeds, now, shoal_get_connection(engine))
 *     while (seeds_next(seeds, now, &task))
 *         task.address: announce to it
 *         NULL:         look task.seed up, now or later; seeds_found() or
 *                       seeds_failed()
 *     arm a timer for seeds_due(seeds)
 *
 * While the engine is
 *
 *   idle     all seeds are asked (at most SEEDS_AT_ONCE in a round), after
 *            0.1 s, then 0.2, 0.4, ... 30 s, each times 0.5 to 1.5. The first
 *            packets of a newcomer may be lost, and a thousand nodes that go
 *            idle together must not ask together for long.
 *   active   one address that is neither an active member's nor ours is asked
 *            every 30 s, times 0.5 to 1.5: seeds and their addresses in turn.
 *            So clusters that never heard of each other become one, and a seed
 *            that was away for long is taken back, at the cost of one packet
 *            per period, however many seeds there are.
 *   defunct  nobody is.
 *
 * What the program asks for with seeds_ask() is asked at once in each of them.
 *
 * A seed is an address, or a name that may have many. A name is looked up again
 * each time before it is asked, though not twice within a second. Of its
 * addresses at most SEEDS_ADDRESSES are asked at a time, in turn, from a random
 * one on. Those that are known are asked on while a lookup fails or takes long.
 *
 * There is no clock, no loop and no engine here: time comes in, and so does
 * what an address is to us. Seeds are only ever added; a `struct seed *` is
 * good until seeds_clear().
 */
#ifndef SHOAL_BASE_SEEDS_H
#define SHOAL_BASE_SEEDS_H

#include "../shoal.h"
#include "asked.h"
#include "rng.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    SEEDS_AT_ONCE = 16,  /* seeds in a round, while idle */
    SEEDS_ADDRESSES = 3, /* of a name, each time it is asked */
    SEEDS_LOOKUPS = 3,   /* in a round, while active */
    SEEDS_JUDGED = 64    /* addresses that are looked at for it */
};

enum {
    SEEDS_FIRST_US = 100 * 1000,        /* doubled each time, while idle ... */
    SEEDS_LAST_US = 30 * 1000 * 1000,   /* ... up to this */
    SEEDS_ACTIVE_US = 30 * 1000 * 1000, /* the period while active */
    SEEDS_FRESH_US = 1000 * 1000        /* no second lookup so soon */
};

/* What an address is to us: nobody we know of, an active member's, ours. */
enum seeds_standing { SEEDS_STRANGER, SEEDS_MEMBER, SEEDS_OURS };
typedef enum seeds_standing seeds_standing_fn(void *context,
                                              const char *address);

struct seed {
    void *owner; /* the driver's */
    bool is_name;
    bool looking;       /* the driver looks it up */
    bool in_round;      /* to be asked in this round ... */
    bool wanted;        /* ... or because the program asked for it */
    bool is_late;       /* its lookup has taken longer than a round */
    uint64_t looked_us; /* when that ended last; SHOAL_NEVER: not yet */
    char *addresses;    /* one after the other, each with its NUL */
    size_t num_addresses;
    size_t turn;         /* the address whose turn it is */
    size_t tried, asked; /* addresses, this time */
    char text[];         /* as the program gave it */
};

struct seeds {
    struct seed **list; /* in the order in which they were added */
    size_t count, capacity;
    seeds_standing_fn *standing;
    void *context;
    struct rng rng;
    shoal_connection connection;
    uint64_t since_us; /* of `connection` */
    uint64_t due_us;   /* when the next round begins */
    unsigned rounds;   /* since then */
    size_t turn;       /* the seed whose turn it is, where not all are asked */
    /* While active: the search of this round for somebody to ask. */
    bool searching;
    size_t passed, lookups, judged;
    struct asked asked;
};

/* `standing` is called inside of seeds_next() and seeds_next_asked(). */
void seeds_init(struct seeds *seeds, uint64_t random,
                seeds_standing_fn *standing, void *context);
/* Frees the seeds, not their owners. */
void seeds_clear(struct seeds *seeds);

/* NULL: there is none with that text. */
struct seed *seeds_find(const struct seeds *seeds, const char *text);
/* A new one at the end of the list. Its address (copied), or NULL: it is a
 * name. NULL: no memory. */
struct seed *seeds_add(struct seeds *seeds, const char *text,
                       const char *address);
/* The seed is to be asked at once, whoever else is known. While idle all
 * begin with the short waits again. */
void seeds_ask(struct seeds *seeds, uint64_t now_us, struct seed *seed);

void seeds_update(struct seeds *seeds, uint64_t now_us,
                  shoal_connection connection);
/* When to call seeds_next() again, if nothing else happens; 0: now. */
uint64_t seeds_due(const struct seeds *seeds);

struct seeds_task {
    struct seed *seed;
    const char *address; /* borrowed until the next call for this seed */
};
/* What to do now: true and `*out`. */
bool seeds_next(struct seeds *seeds, uint64_t now_us, struct seeds_task *out);
/* The lookup of a seed ended: with these addresses (at least one; each followed
 * by a NUL, one after the other; the block is taken over and freed), */
void seeds_found(struct seeds *seeds, uint64_t now_us, struct seed *seed,
                 char *addresses, size_t count);
/* or with none. */
void seeds_failed(struct seed *seed, uint64_t now_us);

/* Is all that is known of the seed ours? */
bool seeds_is_ours(const struct seeds *seeds, const struct seed *seed);

/* Walks those of the addresses asked last that were asked in the last minute
 * and are still no active members': who may have taken us in, or be about to.
 * Start with *cursor 0; NULL at the end. */
const char *seeds_next_asked(const struct seeds *seeds, uint64_t now_us,
                             size_t *cursor);

#endif
