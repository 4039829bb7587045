/* SPDX-License-Identifier: MIT */
/* Clusters and faults, drawn at random. */
#include "plan.h"

#include <math.h>

#define MS     1000u
#define S      (1000u * MS)
#define A_YEAR (365 * 24 * 3600 * (double)S)

/* ---- The cluster ---- */

static shoal_config preset(uint32_t which, uint32_t n)
{
    switch (which) {
    case 0:
        return shoal_config_simple();
    case 1:
        return shoal_config_lan(n);
    case 2:
        return shoal_config_wan(n);
    default:
        return shoal_config_loopback(n);
    }
}

/* Little memory for what is published, so that it is used up. */
static shoal_config draw_preset(struct rng *rng, uint32_t n, const char **name)
{
    static const char *const names[] = {"simple", "lan", "wan", "loopback"};
    uint32_t which = rng_below(rng, 4);
    shoal_config config = preset(which, n);
    *name = names[which];
    config.max_topics_memory = PLAN_TOPICS_MEMORY >> rng_below(rng, 4);
    return config;
}

void plan_vary(shoal_config *config, struct rng *rng)
{
    static const uint32_t sizes[] = {256, 400, 512, 1400, 9000};
    if (plan_maybe(rng, 40))
        config->max_packet_size = sizes[rng_below(rng, 5)];
    if (plan_maybe(rng, 20))
        config->num_indirect_probes = 1 + rng_below(rng, 5);
    if (plan_maybe(rng, 20))
        config->max_transmissions = 1 + rng_below(rng, 12);
    if (plan_maybe(rng, 20))
        config->news_transmissions = rng_below(rng, 24);
    if (plan_maybe(rng, 20))
        config->suspect_to_down_after_us =
            config->probe_period_us * (1 + rng_below(rng, 8));
    if (plan_maybe(rng, 20))
        config->suspicion_confirmations = rng_below(rng, 5);
    if (plan_maybe(rng, 20))
        config->max_local_health = rng_below(rng, 9);
    if (plan_maybe(rng, 20))
        config->tell_suspects = !config->tell_suspects;
    if (plan_maybe(rng, 20))
        config->second_look = !config->second_look;
    if (plan_maybe(rng, 20))
        config->gossip.every_us = plan_maybe(rng, 50) ? 0 : 200 * MS;
    if (config->gossip.every_us && !config->gossip.members)
        config->gossip.members = 3;
}

shoal_config plan_draw_config(const struct plan *plan, uint64_t seed)
{
    struct rng rng = {seed};
    const char *name;
    shoal_config config = draw_preset(&rng, plan->num_members, &name);
    plan_vary(&config, &rng);
    if (plan_maybe(&rng, 20))
        config.remove_down_after_us =
            config.probe_period_us * (2 + rng_below(&rng, 60));
    return config;
}

/* What makes a cluster find together again is on; `simple` has none of it. */
static void let_heal(shoal_config *config)
{
    uint64_t period = config->probe_period_us;
    config->notify_down_members = true;
    if (!config->announce.every_us)
        config->announce = (shoal_periodic){20 * period, 1};
    if (!config->announce_to_down.every_us)
        config->announce_to_down = (shoal_periodic){20 * period, 1};
}

void plan_draw_cluster(struct plan *plan, struct rng *rng, uint32_t low,
                       uint32_t high)
{
    plan->num_members = (uint32_t)plan_between(rng, low, high);
    plan->num_seeds = 3;
    uint32_t expected = plan_maybe(rng, 70) ? plan->num_members : 1;
    plan->config = draw_preset(rng, expected, &plan->preset);
    let_heal(&plan->config);
    uint64_t shortest = plan_between(rng, 0, 1 * MS);
    plan->network = (sim_network){
        .latency = {plan_maybe(rng, 50) ? SIM_UNIFORM : SIM_EXPONENTIAL,
                    shortest, shortest + plan_between(rng, 0, 4 * MS)}};
}

/* ---- Faults ---- */

int64_t plan_draw_clock(struct rng *rng)
{
    if (plan_maybe(rng, 70))
        return 0;
    double share = (double)rng_below(rng, 1000) / 1000;
    double by_us = exp(share * log(A_YEAR));
    return (int64_t)(plan_maybe(rng, 50) ? by_us : -by_us);
}

uint64_t plan_draw_some(const struct plan *plan, struct rng *rng)
{
    uint64_t all = plan_all(plan), some = rng_next(rng) & all;
    if (some == 0 || some == all)
        some = (uint64_t)1 << rng_below(rng, plan->num_members);
    return some;
}

/* A share of all, at least one. */
static uint64_t draw_share(const struct plan *plan, struct rng *rng,
                           unsigned percent)
{
    uint32_t n = plan->num_members, wanted = (n * percent + 99) / 100;
    uint64_t some = 0;
    for (uint32_t i = 0; i < n && wanted > 0; i++)
        if (rng_below(rng, n - i) < wanted) {
            some |= (uint64_t)1 << i;
            wanted--;
        }
    return some;
}

void plan_draw_cut(const struct plan *plan, struct fault *fault,
                   struct rng *rng)
{
    static const unsigned shares[] = {1, 1, 10, 20, 50};
    bool swap = plan_maybe(rng, 50);
    uint64_t some = draw_share(plan, rng, shares[rng_below(rng, 5)]);
    uint64_t rest = plan_all(plan) & ~some;
    if (plan_maybe(rng, 30))
        rest &= plan_draw_some(plan, rng);
    fault->members = swap ? rest : some;
    fault->others = swap ? some : rest;
    fault->stays = plan_maybe(rng, 60);
    fault->chance = 1;
}

static void draw_amount(const struct plan *plan, struct fault *fault,
                        struct rng *rng)
{
    uint64_t period = plan->config.probe_period_us;
    fault->amount = (int64_t)rng_next(rng);
    fault->chance = plan_between(rng, 1, 60) / 100.;
    if (fault->kind == FAULT_CUT) {
        plan_draw_cut(plan, fault, rng);
        if (plan_maybe(rng, 30))
            fault->chance = plan_between(rng, 20, 90) / 100.;
    } else if (fault->kind == FAULT_SLOW)
        fault->amount = (int64_t)plan_between(rng, 1 * MS, 20 * MS);
    else if (fault->kind == FAULT_CLOCK)
        fault->amount =
            (int64_t)plan_between(rng, 0, 20 * period) - (int64_t)(10 * period);
    else if (fault->kind == FAULT_BROADCAST)
        fault->amount = (int64_t)plan_between(rng, 1, 30);
    else if (fault->kind == FAULT_RENAME)
        fault->members = plan_maybe(rng, 20)   ? plan_all(plan)
                         : plan_maybe(rng, 40) ? plan_draw_some(plan, rng)
                                               : (uint64_t)1 << fault->member;
    else if (fault->kind == FAULT_MISTAKE)
        fault->others = plan_draw_some(plan, rng);
    else if (fault->kind == FAULT_TWIN)
        fault->chance = rng_below(rng, 3) / 2.;
}

struct fault plan_draw_fault(const struct plan *plan, struct rng *rng)
{
    uint64_t period = plan->config.probe_period_us;
    struct fault fault = {
        .kind = (enum fault_kind)rng_below(rng, NUM_FAULT_KINDS),
        .at_us = plan_between(rng, 0, plan->quiet_us - 1),
        .for_us =
            period / 2 * plan_between(rng, 1, plan_maybe(rng, 70) ? 12 : 80),
        .member = rng_below(rng, plan->num_members),
        .clock_us = plan_draw_clock(rng),
        .stays = plan_maybe(rng, 30),
    };
    if (fault.at_us + fault.for_us > plan->quiet_us)
        fault.for_us = plan->quiet_us - fault.at_us;
    draw_amount(plan, &fault, rng);
    return fault;
}
