/* SPDX-License-Identifier: MIT */
/*
 * From a correct state, faults that hit only some members never make one down
 * that all others could reach: nobody reports a member as down that runs, is
 * not paused, and that no cut has kept from it in either direction.
 *
 * And the dead stay dead: who has reported it is not told by others that it is
 * alive, but for what was on its way when it ended.
 */
#include "world.h"

static uint64_t bit(uint32_t number)
{
    return (uint64_t)1 << number;
}

/* Is what `from` sends to `to` lost? */
static bool is_cut(const struct world *world, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < world->plan->num_faults; i++) {
        const struct fault *fault = &world->plan->faults[i];
        if ((world->cuts[i][0] && fault->members & bit(from) &&
             fault->others & bit(to)) ||
            (world->cuts[i][1] && fault->members & bit(to) &&
             fault->others & bit(from)))
            return true;
    }
    return false;
}

static bool is_there(const struct watched *member)
{
    return member->node && !member->retired && !sim_is_paused(member->node);
}

static bool is_apart(const struct world *world, uint32_t a, uint32_t b)
{
    const struct reach *reach = &world->reach;
    return !(reach->sends_to[a] & bit(b)) || !(reach->sends_to[b] & bit(a));
}

static void note_apart(struct world *world)
{
    uint32_t n = world->plan->num_members;
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = 0; b < n; b++)
            if (is_apart(world, a, b))
                world->reach.until_us[a][b] = sim_now(world->net);
}

void reach_update(struct world *world)
{
    struct reach *reach = &world->reach;
    uint32_t n = world->plan->num_members;
    if (world->start_us > 0)
        note_apart(world);
    reach->changed_us = sim_now(world->net);
    for (uint32_t a = 0; a < n; a++) {
        reach->sends_to[a] = 0;
        for (uint32_t b = 0; b < n; b++)
            if (is_there(&world->members[a]) && is_there(&world->members[b]) &&
                !is_cut(world, a, b))
                reach->sends_to[a] |= bit(b);
    }
}

/* ---- Excuses ---- */

static bool was_apart(const struct world *world, uint32_t a, uint32_t b,
                      uint64_t within_us)
{
    uint64_t until_us = world->reach.until_us[a][b];
    return is_apart(world, a, b) ||
           (until_us > 0 && sim_now(world->net) - until_us <= within_us);
}

/* It could not reach it, or only since it asked it last: a suspect is asked
 * once in a period. */
static bool could_not_reach(const struct world *world, uint32_t number,
                            uint32_t place)
{
    const shoal_config *config = &world->plan->config;
    return was_apart(world, number, place,
                     config->probe_period_us + bound_gossip(world->plan));
}

/* Somebody has just said so who could not reach it until a moment ago, and whom
 * `member` had no reason not to believe. */
static bool is_hearsay(const struct watched *member, uint32_t place)
{
    const struct world *world = member->world;
    uint64_t now = sim_now(world->net);
    uint64_t fresh_us = 2 * world->plan->config.probe_period_us;
    for (uint32_t i = 0; i < world->plan->num_members; i++) {
        const struct watched *other = &world->members[i];
        bool is_fresh = other->down_us[place] > 0 &&
                        now - other->down_us[place] <= fresh_us;
        bool is_trusted = member->told[i] &&
                          now - member->up_us[i] > bound_suspicion(world->plan);
        if (other != member && is_fresh && is_trusted &&
            could_not_reach(world, i, place))
            return true;
    }
    return false;
}

/* Those from whom `number` hears, through however many others. */
static uint64_t heard_by(const struct world *world, uint32_t number)
{
    uint64_t heard = bit(number), before = 0;
    while (heard != before) {
        before = heard;
        for (uint32_t i = 0; i < world->plan->num_members; i++)
            if (world->reach.sends_to[i] & before)
                heard |= bit(i);
    }
    return heard;
}

/* Does half of those it hears not reach `place`? Then that is not one that all
 * others could reach. */
static bool is_outvoted(const struct world *world, uint32_t number,
                        uint32_t place)
{
    uint64_t heard = heard_by(world, number);
    uint32_t all = 0, votes = 0;
    for (uint32_t i = 0; i < world->plan->num_members; i++)
        if (i != number && i != place && heard & bit(i)) {
            all++;
            votes += could_not_reach(world, i, place);
        }
    return votes > 0 && 2 * votes >= all;
}

static bool is_partial(const struct world *world)
{
    return world->plan->kind == PLAN_PARTIAL || world->plan->kind == PLAN_CROWD;
}

/* `simple` has suspicions so short that a refutation need not reach everybody
 * in time. */
static bool has_patience(const struct world *world)
{
    return world->plan->config.suspicion_max_factor > 1;
}

/* An identity of an earlier life is as dead as that. */
static bool is_excused(const struct watched *member, uint32_t place)
{
    return member == member->world->mistaken ||
           could_not_reach(member->world, member->number, place) ||
           is_hearsay(member, place) ||
           is_outvoted(member->world, member->number, place);
}

void reach_hear_down(struct watched *member, uint32_t place,
                     const struct ident *ident)
{
    struct world *world = member->world;
    struct watched *owner = world_owner(world, place);
    if (!owner)
        return;
    if (!owner->node) {
        member->buried[place] = true;
        return;
    }
    if (is_partial(world) && has_patience(world) && world->start_us > 0 &&
        ident->life == owner->life && !is_excused(member, place))
        world_fail(world,
                   "partial: %u says that %u is down, which it could reach, "
                   "%.3f s after a fault",
                   (unsigned)member->number, (unsigned)place,
                   (double)(sim_now(world->net) - world->reach.changed_us) /
                       1e6);
    member->down_us[place] = sim_now(world->net);
}

void reach_hear_up(struct watched *member, uint32_t place)
{
    struct world *world = member->world;
    struct watched *owner = world_owner(world, place);
    if (!owner)
        return;
    member->up_us[place] = sim_now(world->net);
    if (!is_partial(world) || owner->node || !member->buried[place])
        return;
    uint64_t since_us = sim_now(world->net) - owner->ended_us;
    if (world->plan->kind == PLAN_CROWD || since_us > bound_flight(world->plan))
        world_fail(world, "dead: %u says that %u is up, %.3f s after its end",
                   (unsigned)member->number, (unsigned)place,
                   (double)since_us / 1e6);
}
