/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <inttypes.h>
#include <stdio.h>

#define MS 1000u

static bool maybe(struct rng *rng, unsigned percent)
{
    return rng_below(rng, 100) < percent;
}

/* ---- The cluster ---- */

/* What heals is on: without it a partition is for ever, as in the paper. */
static void let_heal(shoal_config *config)
{
    uint64_t period = config->probe_period_us;
    config->notify_down_members = true;
    if (!config->announce.every_us)
        config->announce = (shoal_periodic){20 * period, 1};
    if (!config->announce_to_down.every_us)
        config->announce_to_down = (shoal_periodic){20 * period, 1};
}

static shoal_config draw_preset(struct rng *rng, uint32_t n, const char **name)
{
    static const char *const names[] = {"simple", "lan", "wan", "loopback"};
    uint32_t which = rng_below(rng, 4);
    *name = names[which];
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

static void vary(shoal_config *config, struct rng *rng)
{
    static const uint32_t sizes[] = {256, 400, 512, 1400, 9000};
    if (maybe(rng, 40))
        config->max_packet_size = sizes[rng_below(rng, 5)];
    if (maybe(rng, 20))
        config->num_indirect_probes = 1 + rng_below(rng, 5);
    if (maybe(rng, 20))
        config->max_transmissions = 1 + rng_below(rng, 12);
    if (maybe(rng, 20))
        config->news_transmissions = rng_below(rng, 24);
    if (maybe(rng, 20))
        config->suspect_to_down_after_us =
            config->probe_period_us * (1 + rng_below(rng, 8));
    if (maybe(rng, 20))
        config->suspicion_confirmations = rng_below(rng, 5);
    if (maybe(rng, 20))
        config->max_local_health = rng_below(rng, 9);
    if (maybe(rng, 20))
        config->tell_suspects = !config->tell_suspects;
    if (maybe(rng, 20))
        config->second_look = !config->second_look;
    if (maybe(rng, 20))
        config->gossip.every_us = maybe(rng, 50) ? 0 : 200 * MS;
    if (config->gossip.every_us && !config->gossip.members)
        config->gossip.members = 3;
}

shoal_config plan_draw_config(const struct plan *plan, uint64_t seed)
{
    struct rng rng = {seed};
    const char *name;
    shoal_config config = draw_preset(&rng, plan->num_members, &name);
    vary(&config, &rng);
    if (maybe(&rng, 20))
        config.remove_down_after_us =
            config.probe_period_us * (2 + rng_below(&rng, 60));
    return config;
}

static void draw_cluster(struct plan *plan, struct rng *rng)
{
    /* Small ones show most, and fast. */
    plan->num_members =
        maybe(rng, 70) ? 2 + rng_below(rng, 8) : 10 + rng_below(rng, 21);
    uint32_t expected = maybe(rng, 70) ? plan->num_members : 1;
    plan->config = draw_preset(rng, expected, &plan->preset);
    vary(&plan->config, rng);
    let_heal(&plan->config);
    uint64_t low = plan_between(rng, 0, 1 * MS);
    plan->network = (sim_network){
        .latency = {maybe(rng, 50) ? SIM_UNIFORM : SIM_EXPONENTIAL, low,
                    low + plan_between(rng, 0, 4 * MS)}};
}

/* ---- Faults ---- */

/* At least one, not all. */
static uint32_t draw_some(const struct plan *plan, struct rng *rng)
{
    uint32_t all = (1u << plan->num_members) - 1;
    uint32_t some = (uint32_t)rng_next(rng) & all;
    if (some == 0 || some == all)
        some = 1u << rng_below(rng, plan->num_members);
    return some;
}

static void draw_cut(const struct plan *plan, struct fault *fault,
                     struct rng *rng)
{
    uint32_t all = (1u << plan->num_members) - 1;
    fault->members = draw_some(plan, rng);
    fault->others = all & ~fault->members;
    if (maybe(rng, 30))
        fault->others &= draw_some(plan, rng);
    fault->stays = maybe(rng, 60);
    fault->chance = maybe(rng, 70) ? 1 : plan_between(rng, 20, 90) / 100.;
}

static void draw_fault(const struct plan *plan, struct fault *fault,
                       struct rng *rng)
{
    uint64_t period = plan->config.probe_period_us;
    *fault = (struct fault){
        .kind = (enum fault_kind)rng_below(rng, NUM_FAULT_KINDS),
        .at_us = plan_between(rng, 0, plan->quiet_us - 1),
        .for_us = period / 2 * plan_between(rng, 1, maybe(rng, 70) ? 12 : 80),
        .member = rng_below(rng, plan->num_members),
        .stays = maybe(rng, 30),
    };
    if (fault->at_us + fault->for_us > plan->quiet_us)
        fault->for_us = plan->quiet_us - fault->at_us;
    fault->chance = plan_between(rng, 1, 60) / 100.;
    fault->amount = (int64_t)rng_next(rng);
    if (fault->kind == FAULT_CUT)
        draw_cut(plan, fault, rng);
    else if (fault->kind == FAULT_SLOW)
        fault->amount = (int64_t)plan_between(rng, 1 * MS, 20 * MS);
    else if (fault->kind == FAULT_CLOCK)
        fault->amount =
            (int64_t)plan_between(rng, 0, 20 * period) - (int64_t)(10 * period);
    else if (fault->kind == FAULT_BROADCAST)
        fault->amount = (int64_t)plan_between(rng, 1, 30);
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

/* Both parts come to hold the other one for dead. Then they announce to the
 * dead so much more often than they probe the living that they must have met
 * before anybody was probed, or woke up for another reason. */
static void draw_schism(struct plan *plan, struct rng *rng)
{
    uint64_t period = plan->config.probe_period_us;
    uint32_t n = 4 + rng_below(rng, 5), part = 2 + rng_below(rng, n - 3);
    plan->is_schism = true;
    plan->num_members = n;
    plan->config.max_local_health = 0;
    plan->config.announce_to_down = (shoal_periodic){period / 200 + 1, 1};
    plan->config.remove_down_after_us = 1000 * bound_down(plan);
    plan->num_faults = 1;
    plan->faults[0] = (struct fault){.kind = FAULT_CUT,
                                     .at_us = 10 * period,
                                     .for_us = bound_down(plan),
                                     .members = (1u << part) - 1,
                                     .others = ((1u << n) - 1) >> part << part,
                                     .chance = 1,
                                     .stays = true};
    plan->quiet_us = plan->faults[0].at_us + plan->faults[0].for_us;
}

/* What is kept a little too long each time takes a long time to show. */
static void draw_marathon(struct plan *plan, struct rng *rng)
{
    plan->is_marathon = true;
    plan->num_members = 3 + rng_below(rng, 3);
    plan->config.max_packet_size = 1400;
    plan->quiet_us = 10000 * plan->config.probe_period_us;
    plan->num_faults = 1;
    plan->faults[0] = (struct fault){.kind = FAULT_NETWORK,
                                     .for_us = plan->quiet_us,
                                     .chance = plan_between(rng, 30, 50) / 100.,
                                     .amount = (int64_t)rng_next(rng)};
}

void plan_make(struct plan *plan, uint64_t seed)
{
    struct rng rng = {seed};
    *plan = (struct plan){.seed = seed};
    draw_cluster(plan, &rng);
    if (seed % 8 == 0) {
        draw_schism(plan, &rng);
        return;
    }
    if (seed % 16 == 4) {
        draw_marathon(plan, &rng);
        return;
    }
    plan->quiet_us = plan->config.probe_period_us * plan_between(&rng, 10, 120);
    plan->num_faults = 1 + rng_below(&rng, PLAN_MAX_FAULTS);
    for (uint32_t i = 0; i < plan->num_faults; i++)
        draw_fault(plan, &plan->faults[i], &rng);
    sort(plan->faults, plan->num_faults);
}

/* ---- In words ---- */

static double seconds(uint64_t us)
{
    return (double)us / 1e6;
}

static void print_members(uint32_t members)
{
    const char *between = "";
    for (uint32_t i = 0; i < PLAN_MAX_MEMBERS; i++)
        if (members >> i & 1) {
            printf("%s%" PRIu32, between, i);
            between = ",";
        }
}

static void print_effect(const struct fault *fault)
{
    static const char *const words[] = {
        [FAULT_PAUSE] = "is paused",
        [FAULT_SLOW] = "is slow",
        [FAULT_CRASH] = "crashes",
        [FAULT_RESTART] = "is restarted",
        [FAULT_LEAVE] = "leaves",
        [FAULT_RETIRE] = "leaves and comes back",
        [FAULT_CLOCK] = "has its clock stepped",
        [FAULT_CONFIG] = "gets another config",
        [FAULT_RENAME] = "takes a new identity",
        [FAULT_BROADCAST] = "broadcasts",
    };
    if (fault->kind == FAULT_NETWORK) {
        printf("the network loses %.0f %%", fault->chance * 100);
    } else if (fault->kind == FAULT_CUT) {
        print_members(fault->members);
        printf(fault->stays ? " <-/-> " : " -/-> ");
        print_members(fault->others);
        printf(" (%.0f %%)", fault->chance * 100);
    } else {
        printf("%" PRIu32 " %s", fault->member, words[fault->kind]);
    }
    if (fault->kind == FAULT_SLOW || fault->kind == FAULT_CLOCK)
        printf(" by %.3f s", (double)fault->amount / 1e6);
    if (fault->kind == FAULT_BROADCAST || fault->kind == FAULT_CONFIG)
        printf(" (%" PRId64 ")", fault->amount);
}

static bool lasts(const struct fault *fault)
{
    bool is_end = fault->kind == FAULT_CRASH || fault->kind == FAULT_LEAVE;
    return fault->kind <= FAULT_SLOW || fault->kind == FAULT_RETIRE ||
           (is_end && !fault->stays);
}

void plan_print(const struct plan *plan)
{
    const shoal_config *config = &plan->config;
    printf("  %" PRIu32 " members, %s (period %.2f s, suspicion %.2f s, "
           "packets of %" PRIu32 "), quiet from %.3f s on\n",
           plan->num_members, plan->preset, seconds(config->probe_period_us),
           seconds(config->suspect_to_down_after_us), config->max_packet_size,
           seconds(plan->quiet_us));
    for (uint32_t i = 0; i < plan->num_faults; i++) {
        printf("  %9.3f s  ", seconds(plan->faults[i].at_us));
        print_effect(&plan->faults[i]);
        if (lasts(&plan->faults[i]))
            printf(", for %.3f s", seconds(plan->faults[i].for_us));
        printf("\n");
    }
}
