/* SPDX-License-Identifier: MIT */
/*
 * Tags that no packet holds. A claim tells their version and size, and whoever
 * does not know that version fetches the bytes, one part after the other, from
 * the one that told it: that one has them. When it does not answer, the owner
 * is asked in turn with it.
 *
 *   fetch  ->  the bytes of this version from that offset on
 *          <-  part: as many as a packet holds (fewer, until it has shown that
 *              it gets our packets: stranger.h)
 *
 * For each member the newest version is fetched, and of FETCH_MOST members at a
 * time; whatever else is wanted, and what did not arrive in the end, the next
 * exchange tells of again. The bytes count as those of tags while they come in.
 */
#ifndef SHOAL_CORE_FETCH_H
#define SHOAL_CORE_FETCH_H

#include "table/members.h"

enum { FETCH_MOST = 16 };

struct fetch;

struct fetches {
    struct fetch *first;
    uint32_t count;
    uint64_t at_us; /* when one is due; SHOAL_NEVER */
};

void fetch_init(struct fetches *fetches);
void fetch_clear(shoal *engine);
/* Is that version on its way, or a newer one? */
bool fetch_is_going_on(shoal *engine, const struct member *member,
                       uint64_t version);
/* The sender of the packet at hand tells of that version of `member`'s tags. 0
 * or NOMEM. */
int fetch_begin(shoal *engine, struct member *member,
                const shoal_update *claim);
/* The records of a packet from `sender`. */
int fetch_receive(shoal *engine, shoal_bytes items, struct identity *sender);
void fetch_tick(shoal *engine);

#endif
