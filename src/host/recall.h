/* SPDX-License-Identifier: MIT */
/*
 * Recall: asks those that the member knew in a former life.
 *
 * They are asked like seeds, by their endpoints, and nothing is believed of
 * them: whoever does not answer is nobody. Unlike seeds they were not chosen by
 * anybody, there may be thousands, and one that has become a member is not
 * asked again: from then on the engine looks after it.
 *
 *   at once           three of them, in random order, which is enough when the
 *                     others are up
 *   within 10 s       16 of those that are no members, after 0.25 s, 0.5 s,
 *                     then each second. After a power cut all come back at
 *                     about the same time, and some find each other before they
 *                     find the rest: so others are asked, too, while some are
 *                     known
 *   after that, idle  16 after 2 s, 4, ... 30 s, as seeds are
 *   active            one every 30 s, times 0.5 to 1.5
 */
#ifndef SHOAL_HOST_RECALL_H
#define SHOAL_HOST_RECALL_H

#include "../base/address.h"
#include "../base/rng.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host;

struct recalled; /* one of them */

struct recall {
    ev_timer again;
    struct rng rng;
    struct recalled **list; /* those that are still to be found */
    size_t count, room;
    size_t turn; /* the one that is asked next */
    unsigned rounds;
    uint64_t begun_us, wait_us;
};

void recall_init(struct host *node);
void recall_clear(struct host *node);

#endif
