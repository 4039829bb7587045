/* SPDX-License-Identifier: MIT */
/*
 * What members publish: who it is and how often it has published, and something
 * behind that, seldom more than a packet holds.
 *
 * Whenever something happens, somebody publishes a little, or now and then
 * until there is no room: others may then be too far behind to get what they
 * miss, and are told. Whoever hears of an origin hears each of its numbers once
 * and in order, but for those that it is told to have missed. In the end
 * everybody has heard the last of each.
 */
#include "world.h"

#include <string.h>

enum { HEAD = 5, MOST = 3000, FEW = 8, BURST = 3000 };

static const shoal_bytes topic = {(const uint8_t *)"t", 1};

static size_t draw_size(struct rng *rng)
{
    return plan_maybe(rng, 90) ? plan_between(rng, HEAD, 100)
                               : plan_between(rng, HEAD, MOST);
}

/* false: there is no room, now or with this config. */
static bool publish(struct watched *member)
{
    struct world *world = member->world;
    uint8_t bytes[MOST] = {(uint8_t)member->number,
                           (uint8_t)(member->life >> 8), (uint8_t)member->life,
                           (uint8_t)(++member->published >> 8),
                           (uint8_t)member->published};
    shoal_bytes data = {bytes, draw_size(&world->topics_rng)};
    int error = shoal_publish(sim_engine(member->node),
                              sim_node_now(member->node), topic, data, NULL);
    bool has_room = error != SHOAL_ERR_FULL && error != SHOAL_ERR_DEFUNCT &&
                    error != SHOAL_ERR_UNSUPPORTED &&
                    error != SHOAL_ERR_TOO_BIG;
    if (!has_room)
        member->published--;
    else if (error)
        world_fail(world, "topics: %u could not publish",
                   (unsigned)member->number);
    sim_wake(member->node);
    world_settle(world);
    return has_room;
}

void topics_stir(struct world *world)
{
    struct watched *member =
        &world
             ->members[rng_below(&world->topics_rng, world->plan->num_members)];
    uint32_t most = plan_maybe(&world->topics_rng, 5) ? BURST : FEW;
    for (uint32_t i = 0; i < most && world->publishes && member->node &&
                         !sim_is_paused(member->node);
         i++)
        if (!publish(member) && most == BURST)
            break;
}

/* ---- What must hold ---- */

static void check_data(struct watched *member, const struct ident *origin,
                       shoal_bytes data)
{
    bool is_good = data.size >= HEAD && data.data[0] == origin->owner;
    if (!is_good)
        world_fail(member->world, "topics: %u hears what %u has not published",
                   (unsigned)member->number, (unsigned)origin->place);
}

static void hear_published(struct watched *member, struct followed *followed,
                           struct ident *origin, const shoal_effect *effect)
{
    check_data(member, origin, effect->data);
    if (followed->origin == origin && effect->first != followed->next)
        world_fail(member->world, "topics: %u hears %u of %u, not %u",
                   (unsigned)member->number, (unsigned)effect->first,
                   (unsigned)origin->place, (unsigned)followed->next);
    followed->origin = origin;
    followed->next = effect->last + 1;
}

static void hear_missed(struct watched *member, struct followed *followed,
                        struct ident *origin, const shoal_effect *effect)
{
    /* What one said that is gone may have reached nobody. */
    member->world->missed_us = sim_now(member->world->net);
    if (member->world->calm && !origin->is_over)
        world_fail(member->world, "topics: %u misses %u of %u in the calm",
                   (unsigned)member->number, (unsigned)effect->first,
                   (unsigned)origin->place);
    followed->origin = effect->last > 0 ? origin : NULL;
    followed->next = effect->last + 1;
}

void topics_hear(struct watched *member, const shoal_effect *effect)
{
    struct ident *origin =
        idents_get(&member->world->idents, effect->member.id);
    if (!member->world->publishes || origin->place >= PLAN_MAX_MEMBERS ||
        origin->is_shared)
        return;
    struct followed *followed = &member->followed[origin->place];
    if (effect->event == SHOAL_EVENT_PUBLISHED)
        hear_published(member, followed, origin, effect);
    else
        hear_missed(member, followed, origin, effect);
}

static bool is_up_to_date(const struct watched *member,
                          const struct watched *other)
{
    const struct followed *own = &other->followed[other->place];
    const struct followed *seen = &member->followed[other->place];
    return other->self->is_shared ||
           (own->origin == seen->origin && own->next == seen->next);
}

static bool agree(struct world *world, uint32_t *who, uint32_t *about)
{
    for (*who = 0; *who < world->plan->num_members; ++*who)
        for (*about = 0; *about < world->plan->num_members; ++*about) {
            const struct watched *member = &world->members[*who];
            const struct watched *other = &world->members[*about];
            if (member->node && other->node && !is_up_to_date(member, other))
                return false;
        }
    return true;
}

/* Whoever has not said it yet says one thing more; false: some still wait for
 * room. */
static bool publish_last(struct world *world, bool has_said[PLAN_MAX_MEMBERS])
{
    bool have_all = true;
    for (uint32_t i = 0; i < world->plan->num_members; i++) {
        if (world->members[i].node && !has_said[i])
            has_said[i] = publish(&world->members[i]);
        have_all = have_all && (!world->members[i].node || has_said[i]);
    }
    return have_all;
}

/* Each says one thing more, and all hear it. */
void topics_expect_all(struct world *world)
{
    uint64_t period = world->plan->config.probe_period_us;
    uint64_t end = sim_now(world->net) +
                   100 * (1 + world->plan->config.max_local_health) * period;
    uint32_t who = 0, about = 0;
    bool has_said[PLAN_MAX_MEMBERS] = {false};
    while (world->publishes && !world_has_failed(world) &&
           !(publish_last(world, has_said) && agree(world, &who, &about))) {
        if (sim_now(world->net) > end)
            world_fail(world, "topics: %u does not hear %u, %u and %u",
                       (unsigned)who, (unsigned)about,
                       (unsigned)world->members[who].followed[about].next,
                       (unsigned)world->members[about].followed[about].next);
        world_live_until(world, sim_now(world->net) + period);
    }
}
