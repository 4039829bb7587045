/* SPDX-License-Identifier: MIT */
/*
 * Members start one after the other and join; faults begin and end; then
 * nothing bad happens any more. Within the bound all agree, and from then on
 * nobody is reported down, nobody has more to say than it must, what anybody
 * broadcasts reaches all, and a member that leaves is not looked for.
 */
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
