/* SPDX-License-Identifier: MIT */
/*
 * How long a suspicion lasts, and how well we are ourselves.
 *
 * Plain SWIM: suspect_to_down_after. With Lifeguard's dogpile protection (4.B)
 * a lonely suspicion lasts suspicion_max_factor times as long, for it may well
 * be the suspecting member that is sick; as others come to the same conclusion
 * by their own probes, it shrinks:
 *
 *   timeout = max - (max - min) * log(confirmed + 1) / log(wanted + 1)
 */
#ifndef SHOAL_CORE_SUSPICION_H
#define SHOAL_CORE_SUSPICION_H

#include "table/member.h"

/* Kept while a member is suspect. */
struct suspicion {
    struct entry *queued; /* first: see member_queued() */
    uint32_t timer;       /* place of the deadline in the heap */
    bool is_plain; /* no confirmations are waited for, and nobody is asked */
    uint64_t start_us;
    uint8_t wanted, confirmed;
    uint8_t doubts; /* how often it has begun anew, since we were accused */
    uint8_t asks; /* how often it is still to be pinged before it is down ... */
    uint64_t ask_us;  /* ... and once at that time; SHOAL_NEVER: not */
    uint64_t last_us; /* when it was for the last time; SHOAL_NEVER: not yet */
    uint8_t num_from;
    uint8_t charged; /* to our own health, because of it */
    uint32_t from[SHOAL_MAX_CONFIRMATIONS + 1]; /* who did, by hash */
};

/* Makes room so that one member can become suspect. false: out of memory. */
bool suspicion_reserve(shoal *engine);
/* The member is about to enter state `to` (again): its suspicion, if any, and
 * its deadline are over. */
void suspicion_leave(shoal *engine, struct member *member, shoal_state to);
/* It has entered its state: a suspicion by `from` begins, if that is one; its
 * deadline is set. Room was made with timers_reserve() and
 * suspicion_reserve(). */
void suspicion_enter(shoal *engine, struct member *member, shoal_bytes from);
/* `from` suspects it too. true: that was a confirmation which counts. */
bool suspicion_confirm(shoal *engine, struct member *member, shoal_bytes from);
/* What the look that led to it has cost our own health. */
void suspicion_charge(struct member *member, int points);
/* Have we found out ourselves? */
bool suspicion_is_ours(const shoal *engine, const struct member *member);
/* Ends suspicions and forgets down members whose time has come. 0 or NOMEM. */
int suspicion_tick(shoal *engine);
/* Suspicions begin anew, with all their asks: what was found out until now is
 * no evidence, since we were not there for a while, or were cut off. The
 * members are asked soon, too: most of them are alive. */
void suspicion_restart_all(shoal *engine);
/* How long one lasts at the least. */
uint64_t suspicion_shortest(const shoal *engine);
/* How long one lasts at the most, when nobody confirms it. */
uint64_t suspicion_longest(const shoal *engine);
/* The config was `before`: moves the deadlines. */
void suspicion_rearm(shoal *engine, const shoal_config *before);

/* ---- Local health (Lifeguard 4.A) ---- */

/* Our score goes up or down by that, within 0 and max_local_health. */
void health_change(shoal *engine, int by);
/* A duration of the probe cycle, as long as our health makes it. */
uint64_t health_stretch(const shoal *engine, uint64_t us);

#endif
