/* SPDX-License-Identifier: MIT */
/*
 * Members start one after the other and join; faults begin and end; then
 * nothing bad happens any more. Within the bound all agree, and from then on
 * nobody is reported down, what anybody broadcasts reaches all, and who leaves
 * is not looked for.
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

static void make_agenda(struct agenda *agenda, const struct plan *plan)
{
    struct rng rng = {plan->seed ^ 0x5eed};
    agenda->count = 0;
    for (uint32_t i = 0; i < plan->num_members; i++)
        put(agenda, (struct turn){
                        plan_between(&rng, 0, 4 * plan->config.probe_period_us),
                        i, TURN_START});
    for (uint32_t i = 0; i < plan->num_faults; i++) {
        const struct fault *fault = &plan->faults[i];
        put(agenda, (struct turn){fault->at_us, i, TURN_BEGIN});
        put(agenda, (struct turn){fault->at_us + fault->for_us, i, TURN_END});
    }
}

static void take_turn(struct world *world, const struct turn *turn)
{
    switch (turn->what) {
    case TURN_START:
        if (world->members[turn->number].life == 0)
            world_start(world, turn->number);
        break;
    case TURN_BEGIN:
        fault_begin(world, turn->number);
        break;
    case TURN_END:
        fault_end(world, turn->number);
        break;
    }
}

static void live_until(struct world *world, uint64_t until_us)
{
    while (world_step(world, until_us))
        ;
}

/* Who has heard of whom, of however many others, as a mask; the dead that are
 * remembered count, for they are announced to. */
static uint32_t acquainted_with(const struct world *world, uint32_t place)
{
    uint32_t n = world->plan->num_members, mask = 1u << place;
    for (uint32_t round = 0; round < n; round++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; world->members[i].node && j < n; j++)
                if (world->members[i].known[j].size > 0 &&
                    (mask >> i & 1 || mask >> j & 1))
                    mask |= 1u << i | 1u << j;
    return mask;
}

/* Parts that never met, since it was bad from the beginning, or have forgotten
 * each other are no cluster that could heal: there somebody joins them. */
static void introduce_strangers(struct world *world)
{
    uint32_t known = acquainted_with(world, 0);
    for (uint32_t i = 1; i < world->plan->num_members; i++)
        if (world->members[i].node && !(known >> i & 1) &&
            !sim_join(world->members[i].node, sim_address(world->net, 0)))
            world_fail(world, "start: no memory");
}

static void suffer(struct world *world)
{
    struct agenda agenda;
    make_agenda(&agenda, world->plan);
    for (uint32_t i = 0; i < agenda.count && !world_has_failed(world); i++) {
        live_until(world, agenda.turns[i].at_us);
        take_turn(world, &agenda.turns[i]);
    }
    live_until(world, world->plan->quiet_us);
    fault_end_all(world);
    introduce_strangers(world);
}

/* ---- And then ---- */

static bool have_met(const struct world *world)
{
    uint32_t part = world->plan->faults[0].members;
    for (uint32_t i = 0; i < world->plan->num_members; i++)
        for (uint32_t j = 0; j < world->plan->num_members; j++)
            if (world->members[i].told[j].size > 0 &&
                (part >> i & 1) != (part >> j & 1))
                return true;
    return false;
}

static void expect_meeting(struct world *world)
{
    uint64_t bound = bound_meeting(world->plan);
    live_until(world, sim_now(world->net) + bound);
    if (!have_met(world))
        world_fail(world, "schism: not over %.3f s after the cut",
                   (double)bound / 1e6);
}

/* For three periods in a row, so that what is still on its way has come; and
 * when all clocks have caught up, with what was begun before the calm: a probe
 * whose answer was lost waits for as long as its clock stands still. */
static void expect_agreement(struct world *world)
{
    uint64_t period = world->plan->config.probe_period_us;
    uint64_t quiet = sim_now(world->net), last = quiet;
    char why[MAX_FAILURE] = "";
    world->bound_us = bound_agreement(world);
    uint64_t now = quiet;
    uint64_t settled = quiet + bound_settling(world);
    while ((now < settled || now - last < 3 * period) &&
           !world_has_failed(world)) {
        now += period / 4;
        live_until(world, now);
        if (!watch_agree(world, why))
            last = now;
        if (last - quiet > world->bound_us)
            world_fail(world, "agreement: %.0f s after the last fault, %s",
                       (double)world->bound_us / 1e6, why);
    }
    world->agreed_after_us = last - quiet;
}

static void expect_items(struct world *world, uint32_t first, uint32_t end)
{
    for (uint32_t i = 0; i < world->plan->num_members; i++) {
        const struct watched *member = &world->members[i];
        for (uint32_t item = first; member->node && item < end; item++)
            if (!member->has_item[item])
                world_fail(world, "broadcast: item %u did not reach %u",
                           (unsigned)item, (unsigned)i);
    }
}

static void expect_calm(struct world *world)
{
    uint32_t first = world->num_items;
    world->calm = true;
    for (uint32_t i = 0; i < world->plan->num_members; i++)
        if (world->members[i].node &&
            world_broadcast(world, &world->members[i]) == MAX_ITEMS)
            world_fail(world, "broadcast: %u refused one", (unsigned)i);
    live_until(world, sim_now(world->net) + bound_dissemination(world));
    char why[MAX_FAILURE];
    if (!watch_agree(world, why))
        world_fail(world, "calm: %s", why);
    if (!world_has_failed(world))
        expect_items(world, first, world->num_items);
}

/* With as many transmissions as a member has in the calm, it tells everybody
 * itself. */
static void expect_farewell(struct world *world)
{
    uint32_t n = world->plan->num_members;
    struct watched *leaver = NULL;
    for (uint32_t i = 1; i < n && !leaver; i++)
        if (world->members[i].node)
            leaver = &world->members[i];
    if (!leaver)
        return;
    world->leaver = leaver;
    world_leave(leaver);
    live_until(world,
               sim_now(world->net) + 3 * world->plan->config.probe_period_us);
    for (uint32_t i = 0; i < n; i++)
        if (world->members[i].node &&
            world->members[i].told[leaver->place].size > 0)
            world_fail(world, "farewell: %u does not know that %u has left",
                       (unsigned)i, (unsigned)leaver->place);
}

bool run_plan(struct world *world, const struct plan *plan)
{
    if (!world_init(world, plan)) {
        snprintf(world->failure, MAX_FAILURE, "start: no memory");
        return false;
    }
    suffer(world);
    if (!world_has_failed(world) && plan->is_schism && plan->num_faults > 0)
        expect_meeting(world);
    if (!world_has_failed(world))
        expect_agreement(world);
    if (!world_has_failed(world))
        expect_calm(world);
    if (!world_has_failed(world))
        expect_farewell(world);
    bool good = !world_has_failed(world);
    world_clear(world);
    return good;
}
