/* SPDX-License-Identifier: MIT */
/*
 * What befalls a cluster: made from a seed, told in words, and cut down to the
 * faults that matter.
 *
 * Every fault ends by itself, so that any part of a plan is a plan: who crashes
 * is started again by the same fault, a cut heals, a pause is over.
 */
#ifndef SPEC_EXPLORE_PLAN_H
#define SPEC_EXPLORE_PLAN_H

#include "../../src/base/rng.h"
#include "../../src/sim/sim.h"

enum { PLAN_MAX_MEMBERS = 30, PLAN_MAX_FAULTS = 40 };

enum fault_kind {
    FAULT_NETWORK, /* packets are lost, doubled and held back */
    FAULT_CUT,     /* `members` do not reach `others`, or seldom */
    FAULT_PAUSE,
    FAULT_SLOW,
    FAULT_CRASH,   /* and another process starts there, unless `stays` */
    FAULT_RESTART, /* at once, before anybody has noticed */
    FAULT_LEAVE,   /* the process ends, and perhaps starts again */
    FAULT_RETIRE,  /* leaves, goes on running, and comes back as somebody new */
    FAULT_CLOCK,
    FAULT_CONFIG,
    FAULT_RENAME, /* takes a new identity */
    FAULT_BROADCAST,
    NUM_FAULT_KINDS
};

struct fault {
    enum fault_kind kind;
    uint64_t at_us, for_us;
    uint32_t member;
    uint32_t members, others; /* masks */
    double chance;            /* of a packet to be lost */
    int64_t amount;           /* what the kind makes of it */
    bool stays;               /* gone for good; cut in both directions */
};

struct plan {
    uint64_t seed;
    uint32_t num_members;
    const char *preset;
    shoal_config config;
    sim_network network; /* outside of faults */
    uint64_t quiet_us;   /* from then on nothing bad happens */
    bool is_schism;      /* one long cut, and nothing but announces heals it */
    bool is_marathon;    /* losses, for a long time */
    uint32_t num_faults;
    struct fault faults[PLAN_MAX_FAULTS];
};

void plan_make(struct plan *plan, uint64_t seed);
void plan_print(const struct plan *plan);
/* Another config that a member may be given while it runs. */
shoal_config plan_draw_config(const struct plan *plan, uint64_t seed);
/* Nobody takes longer to be found dead (bound.c). */
uint64_t bound_down(const struct plan *plan);
/* Of a random one of `count`: for everybody who draws. */
static inline uint64_t plan_between(struct rng *rng, uint64_t low,
                                    uint64_t high)
{
    return low + rng_next(rng) % (high - low + 1);
}

#endif
