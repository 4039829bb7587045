/* SPDX-License-Identifier: MIT */
/*
 * Members start one after the other and join; faults begin and end; then
 * nothing bad happens any more. Within the bound all agree, and from then on
 * nobody is reported down, nobody has more to say than it must, what anybody
 * broadcasts reaches all, and a member that leaves is not looked for.
 */
#include "core/config.h"
#include "world.h"

#include <stdio.h>

/* ---- What begins and ends when ---- */

struct turn {
    uint64_t at_us;
    uint32_t number;
    enum { TURN_START, TURN_BEGIN, TURN_END } what;
};

struct agenda {
    struct turn turns[2 * PLAN_MAX_FAULTS + PLAN_MAX_MEMBERS];
    uint32_t count;
};

/* Keeps them in order; among equals the ones that were there first. */
static void put(struct agenda *agenda, struct turn turn)
{
    uint32_t at = agenda->count++;
    for (; at > 0 && agenda->turns[at - 1].at_us > turn.at_us; at--)
        agenda->turns[at] = agenda->turns[at - 1];
    agenda->turns[at] = turn;
}

static void put_starts(struct agenda *agenda, const struct plan *plan)
{
    struct rng rng = {plan->seed ^ 0x5eed};
    for (uint32_t i = 0; i < plan->num_members; i++)
        put(agenda, (struct turn){
                        plan_between(&rng, 0, 4 * plan->config.probe_period_us),
                        i, TURN_START});
}

static void put_faults(struct agenda *agenda, const struct plan *plan,
                       uint64_t start_us)
{
    for (uint32_t i = 0; i < plan->num_faults; i++) {
        const struct fault *fault = &plan->faults[i];
        uint64_t at_us = start_us + fault->at_us;
        put(agenda, (struct turn){at_us, i, TURN_BEGIN});
        put(agenda, (struct turn){at_us + fault->for_us, i, TURN_END});
    }
}

static void take_turn(struct world *world, const struct turn *turn)
{
    switch (turn->what) {
    case TURN_START:
        if (world->members[turn->number].life == 0)
            world_start(world, turn->number, 0);
        break;
    case TURN_BEGIN:
        fault_begin(world, turn->number);
        break;
    case TURN_END:
        fault_end(world, turn->number);
        break;
    }
}

static void follow(struct world *world, const struct agenda *agenda)
{
    for (uint32_t i = 0; i < agenda->count && !world_has_failed(world); i++) {
        world_live_until(world, agenda->turns[i].at_us);
        take_turn(world, &agenda->turns[i]);
        topics_stir(world);
        tags_stir(world);
    }
}

/* Until all see all, where the plan wants that. */
static void begin_agreed(struct world *world)
{
    struct agenda agenda = {.count = 0};
    put_starts(&agenda, world->plan);
    follow(world, &agenda);
    agree_introduce(world);
    calm_expect_agreement(world);
    world->start_us = sim_now(world->net);
}

/* ---- Two processes with one address ---- */

static uint64_t packets_until(struct world *world, uint64_t for_us)
{
    uint64_t before = sim_get_counts(world->net).packets;
    world_live_until(world, sim_now(world->net) + for_us);
    return sim_get_counts(world->net).packets - before;
}

/* Each takes the address from the other one after 1, 2, 4, ... 64 and then
 * every 64 periods: seven times and then that often; one more to be sure. */
static void check_renewals(struct world *world, uint64_t renewals,
                           uint64_t periods)
{
    uint64_t most = 2 * (7 + 1 + periods / 64);
    if (renewals > most)
        world_fail(world, "twins: %u renewals within %u periods, %u at most",
                   (unsigned)renewals, (unsigned)periods, (unsigned)most);
}

/* How often a member passes a claim on: more where there are more members than
 * the config was made for. */
static uint32_t passes_on(const shoal_config *config, uint32_t n)
{
    uint32_t updates = config_transmissions(config, n);
    uint32_t news = config_news_transmissions(config, n);
    return updates > news ? updates : news;
}

/* Each renewal is news for all. And each of the two gets some of the answers
 * only that it waits for, so it asks helpers, suspects others, and is refuted.
 */
static void check_packets(struct world *world, uint64_t packets, double usual,
                          uint64_t renewals, uint64_t periods)
{
    const shoal_config *config = &world->plan->config;
    uint32_t n = world->plan->num_members;
    double most = 1.5 * usual * (n + 1) / n + 20. * n + 40. * (double)periods +
                  (double)(renewals * n * passes_on(config, n));
    if ((double)packets > most)
        world_fail(world, "twins: %u packets, where %.0f are usual",
                   (unsigned)packets, usual);
}

/* The one that is left takes the address at its next turn. */
static void check_return(struct world *world)
{
    uint64_t period = world->plan->config.probe_period_us;
    if (world->agreed_after_us > (64 + 10) * period)
        world_fail(world, "twins: one view only %.1f periods after the end",
                   (double)world->agreed_after_us / (double)period);
}

static void suffer_twins(struct world *world)
{
    const struct fault *fault = &world->plan->faults[0];
    uint64_t period = world->plan->config.probe_period_us, before;
    if (world->plan->num_faults == 0)
        return;
    world_live_until(world, sim_now(world->net) + 60 * period);
    double usual = (double)packets_until(world, 60 * period) / 60;
    before = world->renewals;
    fault_begin(world, 0);
    uint64_t packets = packets_until(world, fault->for_us);
    uint64_t periods = fault->for_us / period;
    fault_end(world, 0);
    uint64_t renewals = world->renewals - before;
    check_renewals(world, renewals, periods);
    check_packets(world, packets, usual * (double)periods, renewals, periods);
}

static void suffer(struct world *world)
{
    const struct plan *plan = world->plan;
    struct agenda agenda = {.count = 0};
    if (plan->begins_agreed)
        begin_agreed(world);
    else
        put_starts(&agenda, plan);
    put_faults(&agenda, plan, world->start_us);
    reach_update(world);
    if (plan->kind == PLAN_TWINS)
        suffer_twins(world);
    else
        follow(world, &agenda);
    world_live_until(world, world->start_us + plan->quiet_us);
    fault_end_all(world);
    agree_introduce(world);
    world->quiet_us = sim_now(world->net);
}

/* ---- What some plans are about ---- */

static bool have_met(const struct world *world)
{
    uint64_t part = world->plan->faults[0].members;
    for (uint32_t i = 0; i < world->plan->num_members; i++)
        for (uint32_t j = 0; j < world->plan->num_members; j++)
            if (world->members[i].told[j] && (part >> i & 1) != (part >> j & 1))
                return true;
    return false;
}

static void expect_meeting(struct world *world)
{
    uint64_t bound = bound_meeting(world);
    world_live_until(world, sim_now(world->net) + bound);
    if (!have_met(world))
        world_fail(world, "schism: not over %.3f s after the cut",
                   (double)bound / 1e6);
}

static void run(struct world *world)
{
    const struct plan *plan = world->plan;
    suffer(world);
    if (!world_has_failed(world) && plan->kind == PLAN_SCHISM &&
        plan->num_faults > 0)
        expect_meeting(world);
    if (!plan_heals(plan))
        return;
    if (!world_has_failed(world))
        calm_expect_agreement(world);
    if (plan->kind == PLAN_TWINS)
        check_return(world);
    if (!world_has_failed(world))
        calm_expect_tags(world);
    if (!world_has_failed(world))
        topics_expect_all(world);
    if (!world_has_failed(world))
        calm_expect_peace(world);
    if (!world_has_failed(world))
        calm_expect_broadcasts(world);
    if (!world_has_failed(world))
        calm_expect_farewell(world);
}

bool run_plan(struct world *world, const struct plan *plan)
{
    if (world_init(world, plan))
        run(world);
    else
        snprintf(world->failure, MAX_FAILURE, "start: no memory");
    bool good = !world_has_failed(world);
    world_clear(world);
    return good;
}
