/* SPDX-License-Identifier: MIT */
/* Kinds of plans: which faults, how many, and when. */
#include "plan.h"

bool plan_has(const struct plan *plan, enum fault_kind kind)
{
    for (uint32_t i = 0; i < plan->num_faults; i++)
        if (plan->faults[i].kind == kind)
            return true;
    return false;
}

bool plan_is_honest(const struct plan *plan)
{
    return !plan_has(plan, FAULT_CORRUPT) && !plan_has(plan, FAULT_FORGE) &&
           !plan_has(plan, FAULT_TABLE);
}

static void sort(struct fault *faults, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct fault fault = faults[i];
        uint32_t at = i;
        for (; at > 0 && faults[at - 1].at_us > fault.at_us; at--)
            faults[at] = faults[at - 1];
        faults[at] = fault;
    }
}

static void add(struct plan *plan, struct fault fault)
{
    if (plan->num_faults < PLAN_MAX_FAULTS)
        plan->faults[plan->num_faults++] = fault;
}

static uint64_t periods(const struct plan *plan, uint64_t count)
{
    return count * plan->config.probe_period_us;
}

/* ---- Any ---- */

/* Small clusters show most, and fast. */
static void draw_any_cluster(struct plan *plan, struct rng *rng)
{
    bool is_small = plan_maybe(rng, 70);
    plan_draw_cluster(plan, rng, is_small ? 2 : 10, is_small ? 9 : 30);
    plan_vary(&plan->config, rng);
    if (plan_maybe(rng, 30))
        plan->num_seeds = 1;
}

/* Not every plan has all: without forgeries more can be asked of it. */
static void draw_any(struct plan *plan, struct rng *rng)
{
    bool is_honest = plan_maybe(rng, 70), has_twins = plan_maybe(rng, 30);
    draw_any_cluster(plan, rng);
    plan->quiet_us = periods(plan, plan_between(rng, 10, 120));
    uint32_t wanted = 1 + rng_below(rng, 40);
    while (plan->num_faults < wanted) {
        struct fault fault = plan_draw_fault(plan, rng);
        bool is_forgery = fault.kind >= FAULT_CORRUPT;
        if (!(is_honest && is_forgery) &&
            (has_twins || fault.kind != FAULT_TWIN))
            add(plan, fault);
    }
}

/* Where verdicts are final there is no promise, but the same must hold at any
 * time. */
static void draw_plain(struct plan *plan, struct rng *rng)
{
    draw_any(plan, rng);
    plan->config.notify_down_members = false;
}

/* ---- One long fault ---- */

/* Both parts come to hold the other one for down. Then they announce to down
 * members so much more often than they probe active ones that they must have
 * met before anybody was probed, or woke up for another reason. */
static void draw_schism(struct plan *plan, struct rng *rng)
{
    plan_draw_cluster(plan, rng, 4, 8);
    uint32_t n = plan->num_members, part = 2 + rng_below(rng, n - 3);
    plan->begins_agreed = true;
    plan_vary(&plan->config, rng);
    plan->config.max_local_health = 0;
    plan->config.announce_to_down =
        (shoal_periodic){plan->config.probe_period_us / 200 + 1, 1};
    plan->config.remove_down_after_us = 1000 * bound_down(plan);
    uint64_t some = ((uint64_t)1 << part) - 1;
    add(plan, (struct fault){.kind = FAULT_CUT,
                             .at_us = periods(plan, 10),
                             .for_us = bound_down(plan),
                             .members = some,
                             .others = plan_all(plan) & ~some,
                             .chance = 1,
                             .stays = true});
    plan->quiet_us = plan->faults[0].at_us + plan->faults[0].for_us;
}

/* What is kept a little too long each time takes a long time to show. */
static void draw_marathon(struct plan *plan, struct rng *rng)
{
    plan_draw_cluster(plan, rng, 3, 5);
    plan_vary(&plan->config, rng);
    plan->config.max_packet_size = 1400;
    plan->quiet_us = periods(plan, 10000);
    add(plan, (struct fault){.kind = FAULT_NETWORK,
                             .for_us = plan->quiet_us,
                             .chance = plan_between(rng, 30, 50) / 100.,
                             .amount = (int64_t)rng_next(rng)});
}

/* ---- False beliefs ---- */

static void draw_tables(struct plan *plan, struct rng *rng)
{
    plan_draw_cluster(plan, rng, 2, 11);
    if (plan_maybe(rng, 30))
        plan_vary(&plan->config, rng);
    plan->num_seeds = rng_below(rng, 3);
    plan->num_ghosts = rng_below(rng, 4);
    plan->begins_agreed = plan_maybe(rng, 50);
    uint64_t at_us = periods(plan, 4);
    for (uint32_t i = 0; i < plan->num_members; i++)
        add(plan, (struct fault){.kind = FAULT_TABLE,
                                 .at_us = at_us,
                                 .member = i,
                                 .amount = (int64_t)rng_next(rng)});
    plan->quiet_us = at_us;
}

static void draw_noise(struct plan *plan, struct rng *rng)
{
    plan_draw_cluster(plan, rng, 2, 11);
    if (plan_maybe(rng, 30))
        plan_vary(&plan->config, rng);
    plan->num_ghosts = rng_below(rng, 4);
    plan->quiet_us = periods(plan, 600);
    add(plan, (struct fault){.kind = FAULT_CORRUPT,
                             .for_us = plan->quiet_us,
                             .chance = 1. / 7});
    for (uint32_t more = rng_below(rng, 20); more > 0; more--) {
        struct fault fault = plan_draw_fault(plan, rng);
        fault.kind = FAULT_FORGE;
        add(plan, fault);
    }
}

/* ---- From a correct state ---- */

/* Mostly short, up to longer than everybody needs to be found down. */
static uint64_t draw_duration(const struct plan *plan, struct rng *rng)
{
    uint64_t most = plan_maybe(rng, 50) ? 30 : plan_maybe(rng, 50) ? 150 : 900;
    return plan->config.probe_period_us / 10 * plan_between(rng, 1, 10 * most);
}

static struct fault draw_partial_fault(const struct plan *plan, struct rng *rng)
{
    static const enum fault_kind kinds[] = {
        FAULT_CUT,   FAULT_CUT,     FAULT_CUT,     FAULT_CUT,
        FAULT_PAUSE, FAULT_RESTART, FAULT_LEAVE,   FAULT_RETIRE,
        FAULT_CRASH, FAULT_RENAME,  FAULT_MISTAKE, FAULT_MISTAKE};
    struct fault fault = plan_draw_fault(plan, rng);
    fault.kind = kinds[rng_below(rng, sizeof kinds / sizeof *kinds)];
    fault.others = (uint64_t)1 << rng_below(rng, plan->num_members);
    fault.members =
        plan_maybe(rng, 30) ? plan_all(plan) : (uint64_t)1 << fault.member;
    fault.for_us = draw_duration(plan, rng);
    if (fault.kind == FAULT_CUT)
        plan_draw_cut(plan, &fault, rng);
    uint64_t shortest = plan->config.suspect_to_down_after_us;
    if (fault.kind == FAULT_PAUSE && fault.for_us >= shortest)
        fault.for_us = plan_between(rng, 1, shortest - 1);
    return fault;
}

static void draw_partial(struct plan *plan, struct rng *rng)
{
    plan_draw_cluster(plan, rng, 3, plan_maybe(rng, 70) ? 12 : 40);
    plan->begins_agreed = true;
    plan->quiet_us = periods(plan, 1);
    uint64_t at_us = 0;
    for (uint32_t left = 1 + rng_below(rng, 6); left > 0; left--) {
        struct fault fault = draw_partial_fault(plan, rng);
        fault.at_us = at_us + plan->config.probe_period_us / 10 *
                                  plan_between(rng, 0, 200);
        add(plan, fault);
        if (plan_maybe(rng, 70)) /* else they overlap */
            at_us = fault.at_us + fault.for_us;
        if (fault.at_us + fault.for_us > plan->quiet_us)
            plan->quiet_us = fault.at_us + fault.for_us;
    }
}

static void draw_crowd(struct plan *plan, struct rng *rng)
{
    plan_draw_cluster(plan, rng, 5, plan_maybe(rng, 50) ? 20 : 50);
    plan->begins_agreed = true;
    uint32_t n = plan->num_members;
    uint32_t ends = n / 2 + rng_below(rng, n - n / 2 - 1);
    for (uint32_t i = 0; i < ends; i++)
        add(plan, (struct fault){.kind = FAULT_CRASH,
                                 .at_us = periods(plan, 5),
                                 .member = n - 1 - i,
                                 .stays = true});
    plan->quiet_us = periods(plan, 5) + bound_suspicion(plan);
}

/* ---- Outages ---- */

/* The first seed ends, and may come back when all is over. */
static void end_seed(struct plan *plan, struct rng *rng, uint64_t for_us)
{
    bool leaves = plan_maybe(rng, 50);
    add(plan, (struct fault){.kind = leaves ? FAULT_LEAVE : FAULT_CRASH,
                             .at_us = periods(plan, 5),
                             .for_us = for_us,
                             .clock_us = plan_draw_clock(rng),
                             .stays = plan_maybe(rng, 50)});
}

/* Nobody reaches anybody, or one part does not reach the other, until all of
 * them hold each other for down, or have forgotten each other; or they have
 * never met. */
static void draw_outage(struct plan *plan, struct rng *rng)
{
    plan_draw_cluster(plan, rng, 2, plan_maybe(rng, 70) ? 8 : 20);
    plan->begins_agreed = plan_maybe(rng, 80);
    plan->num_seeds = 1 + rng_below(rng, 3);
    uint64_t for_us = bound_down(plan);
    if (plan_maybe(rng, 40)) {
        plan->config.remove_down_after_us =
            periods(plan, plan_between(rng, 10, 60));
        for_us += 2 * plan->config.remove_down_after_us;
    }
    if (plan_maybe(rng, 50))
        end_seed(plan, rng, for_us);
    uint64_t all = plan_all(plan);
    uint64_t some = plan_maybe(rng, 50) ? all : plan_draw_some(plan, rng);
    uint64_t at_us = plan->begins_agreed ? periods(plan, 10) : 0;
    add(plan, (struct fault){.kind = FAULT_CUT,
                             .at_us = at_us,
                             .for_us = for_us,
                             .members = some,
                             .others = some == all ? all : all & ~some,
                             .chance = 1,
                             .stays = true});
    plan->quiet_us = periods(plan, 10) + for_us;
}

static void draw_twins(struct plan *plan, struct rng *rng)
{
    plan_draw_cluster(plan, rng, 3, plan_maybe(rng, 70) ? 10 : 40);
    plan->begins_agreed = true;
    int64_t clock_us = plan_draw_clock(rng);
    add(plan, (struct fault){.kind = FAULT_TWIN,
                             .for_us = periods(plan, plan_between(rng, 2, 600)),
                             .member = rng_below(rng, plan->num_members),
                             .chance = rng_below(rng, 3) / 2.,
                             .clock_us = clock_us});
    plan->quiet_us = plan->faults[0].for_us;
}

/* ---- All of them ---- */

typedef void draw_fn(struct plan *plan, struct rng *rng);

static draw_fn *const draws[NUM_PLAN_KINDS] = {
    [PLAN_ANY] = draw_any,           [PLAN_SCHISM] = draw_schism,
    [PLAN_MARATHON] = draw_marathon, [PLAN_TABLES] = draw_tables,
    [PLAN_NOISE] = draw_noise,       [PLAN_PARTIAL] = draw_partial,
    [PLAN_CROWD] = draw_crowd,       [PLAN_OUTAGE] = draw_outage,
    [PLAN_TWINS] = draw_twins,       [PLAN_PLAIN] = draw_plain,
};

void plan_make(struct plan *plan, uint64_t seed, enum plan_kind kind)
{
    static const enum plan_kind turns[] = {
        PLAN_SCHISM, PLAN_ANY,    PLAN_TABLES, PLAN_PARTIAL, PLAN_MARATHON,
        PLAN_ANY,    PLAN_OUTAGE, PLAN_ANY,    PLAN_PARTIAL, PLAN_ANY,
        PLAN_TABLES, PLAN_TWINS,  PLAN_NOISE,  PLAN_ANY,     PLAN_PARTIAL,
        PLAN_PLAIN,  PLAN_CROWD,  PLAN_ANY};
    struct rng rng = {seed};
    if (kind == NUM_PLAN_KINDS)
        kind = turns[seed % (sizeof turns / sizeof *turns)];
    *plan = (struct plan){.seed = seed, .kind = kind};
    draws[kind](plan, &rng);
    sort(plan->faults, plan->num_faults);
}
