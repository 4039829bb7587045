/* SPDX-License-Identifier: MIT */
/*
 * What is done every so often: announces to members and to down ones, gossip.
 *
 * Members that became active together do not take their turns together: a task
 * begins at a random time of its first interval. An idle engine announces to
 * down members, too, for it has nobody else to ask.
 */
#ifndef SHOAL_CORE_TASKS_H
#define SHOAL_CORE_TASKS_H

#include "../base/bytes.h"

/* The next turn of each; SHOAL_NEVER: it has none. */
struct tasks {
    uint64_t announce_at_us, announce_to_down_at_us, gossip_at_us;
    uint8_t asks;   /* down members are to be asked so often at a faster pace */
    uint8_t hungry; /* so many announces more, a period apart: no feed came */
};

/* None any more. */
void tasks_stop(struct tasks *tasks);
/* Those of an active engine. */
void tasks_begin(shoal *engine);
/* That of an idle one; nothing if it is not idle. */
void tasks_begin_idle(shoal *engine);
/* The config was `before`. */
void tasks_rearm(shoal *engine, const shoal_config *before);
/* When something is due; SHOAL_NEVER: there is nothing. */
uint64_t tasks_next(const shoal *engine);
void tasks_tick(shoal *engine);
/* We have declared somebody down on evidence of our own: ask it soon, for the
 * fault may have been ours. */
void tasks_ask_down_soon(shoal *engine);
/* A feed came that listed so many: ask a random member for more soon, and
 * again, a bit later each time, until feeds without news have listed as many as
 * we know; twice over where no digest shows what is still missing. A feed need
 * not have room for everybody, those who join at the same time miss some of
 * each other's news, and gossip reaches everybody only in all likelihood. When
 * nobody answers, the announce or the feed was lost, others are asked. */
void tasks_ask_for_more(shoal *engine, uint32_t listed);

#endif
