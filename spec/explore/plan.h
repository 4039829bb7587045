/* SPDX-License-Identifier: MIT */
/*
 * What happens to a cluster: made from a seed, told in words, and cut down to
 * the faults that matter.
 *
 *   plan.c        kinds of plans
 *   plan_draw.c   clusters and faults, drawn at random
 *   words.c       a plan as text
 *
 * Every fault ends by itself, so that any part of a plan is a plan: a process
 * that crashes is started again by the same fault, a cut heals, a pause ends.
 */
#ifndef SPEC_EXPLORE_PLAN_H
#define SPEC_EXPLORE_PLAN_H

#include "../../src/base/rng.h"
#include "../../src/sim/sim.h"

enum {
    PLAN_MAX_MEMBERS = 50,
    PLAN_MAX_FAULTS = 60,
    PLAN_TOPICS_MEMORY = 512 * 1024 /* max_topics_memory, at the most */
};

enum plan_kind {
    PLAN_ANY,      /* all kinds of faults, in any order */
    PLAN_SCHISM,   /* one long cut that only announces to down members heal */
    PLAN_MARATHON, /* packets are lost, for a long time */
    PLAN_TABLES,   /* beliefs drawn at random, in every table */
    PLAN_NOISE,    /* one packet in seven has a wrong byte, others are forged */
    PLAN_PARTIAL,  /* from a correct state: faults that hit some members */
    PLAN_CROWD,    /* most of the members crash at the same moment */
    PLAN_OUTAGE,   /* nobody is reached, longer than anybody is remembered */
    PLAN_TWINS,    /* two processes claim one address */
    PLAN_PLAIN,    /* notify_down_members = false: verdicts are final */
    NUM_PLAN_KINDS
};

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
    FAULT_RENAME, /* `members` take new identities at the same moment */
    FAULT_BROADCAST,
    FAULT_MISTAKE, /* the member takes one of `others` for down, all by itself
                    */
    FAULT_TWIN,    /* another process claims the member's address */
    FAULT_CORRUPT, /* packets have a wrong byte */
    FAULT_FORGE,   /* the member gets packets that nobody of ours has sent */
    FAULT_TABLE,   /* the member believes what is drawn at random */
    NUM_FAULT_KINDS
};

struct fault {
    enum fault_kind kind;
    uint64_t at_us, for_us;
    uint32_t member;
    uint64_t members, others; /* masks */
    double chance;  /* of a packet to be lost, wrong, or the other process's */
    int64_t amount; /* what the kind makes of it */
    int64_t clock_us; /* how far the clock of the next process is ahead */
    bool stays;       /* gone for good; cut in both directions */
};

struct plan {
    uint64_t seed;
    enum plan_kind kind;
    uint32_t num_members, num_ghosts;
    uint32_t num_seeds; /* the first members are everybody's */
    const char *preset;
    shoal_config config;
    sim_network network; /* outside of faults */
    uint64_t quiet_us;   /* from then on nothing bad happens */
    bool begins_agreed;  /* the faults begin when all see all */
    bool is_told;        /* events are printed */
    uint32_t num_faults;
    struct fault faults[PLAN_MAX_FAULTS];
};

/* NUM_PLAN_KINDS: the seed's own kind. */
void plan_make(struct plan *plan, uint64_t seed, enum plan_kind kind);
bool plan_has(const struct plan *plan, enum fault_kind kind);
/* All that members hear of each other comes from members. */
bool plan_is_honest(const struct plan *plan);
/* Can a verdict be refuted? */
static inline bool plan_heals(const struct plan *plan)
{
    return plan->kind != PLAN_PLAIN;
}
/* A mask of all members. */
static inline uint64_t plan_all(const struct plan *plan)
{
    return ((uint64_t)1 << plan->num_members) - 1;
}

/* ---- plan_draw.c ---- */
/* A cluster of `low` to `high` members, with a preset's config. */
void plan_draw_cluster(struct plan *plan, struct rng *rng, uint32_t low,
                       uint32_t high);
/* Fields of the config that have another value than the preset. */
void plan_vary(shoal_config *config, struct rng *rng);
/* Another config that a member may be given while it runs. */
shoal_config plan_draw_config(const struct plan *plan, uint64_t seed);
/* Any fault, within the time that there is. */
struct fault plan_draw_fault(const struct plan *plan, struct rng *rng);
/* A cut of a few or of half of the members from all or some of the others. */
void plan_draw_cut(const struct plan *plan, struct fault *fault,
                   struct rng *rng);
/* At least one, not all. */
uint64_t plan_draw_some(const struct plan *plan, struct rng *rng);
/* How far clocks differ: mostly not at all, up to a year. */
int64_t plan_draw_clock(struct rng *rng);

static inline bool plan_maybe(struct rng *rng, unsigned percent)
{
    return rng_below(rng, 100) < percent;
}
/* A random number from `low` to `high`. */
static inline uint64_t plan_between(struct rng *rng, uint64_t low,
                                    uint64_t high)
{
    return low + rng_next(rng) % (high - low + 1);
}

/* ---- words.c ---- */
void plan_print(const struct plan *plan);
const char *plan_kind_name(enum plan_kind kind);

/* ---- bound.c ---- */
/* The longest that it takes to declare a member down that has crashed. */
uint64_t bound_down(const struct plan *plan);
/* The longest that a suspicion lasts. */
uint64_t bound_suspicion(const struct plan *plan);

#endif
