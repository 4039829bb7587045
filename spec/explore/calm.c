/* SPDX-License-Identifier: MIT */
/* What must hold when nothing bad happens any more. */
#include "world.h"

static uint64_t after_periods(const struct world *world, uint64_t count)
{
    return sim_now(world->net) + count * world->plan->config.probe_period_us;
}

/* For three periods in a row, so that what is still on its way has come; and
 * when all clocks have caught up, with what was begun before the calm: a probe
 * whose answer was lost waits for as long as its clock stands still. */
void calm_expect_agreement(struct world *world)
{
    uint64_t period = world->plan->config.probe_period_us;
    uint64_t now = sim_now(world->net), last = now;
    uint64_t quiet = world->quiet_us > 0 ? world->quiet_us : now;
    uint64_t settled = now + bound_settling(world);
    char *why = world->last;
    world->bound_us = bound_agreement(world);
    while ((now < settled || now - last < 3 * period) &&
           !world_has_failed(world)) {
        now += period / 10;
        world_live_until(world, now);
        if (!agree_all(world, why))
            last = now;
        if (last - quiet > world->bound_us)
            world_fail(world, "agreement: %.0f s after the last fault, %s",
                       (double)world->bound_us / 1e6, why);
    }
    world->agreed_after_us = last - quiet;
}

/* Rounds that bring nothing are followed by pauses of up to 16 periods. */
void calm_expect_tags(struct world *world)
{
    uint64_t end = after_periods(
        world, 100 * (1 + (uint64_t)world->plan->config.max_local_health));
    uint32_t who, about;
    if (!world->plan->config.compare_members) /* nothing repairs them */
        return;
    while (!tags_agree(world, &who, &about) && !world_has_failed(world)) {
        if (sim_now(world->net) > end)
            world_fail(world, "tags: %u does not know what %u says",
                       (unsigned)who, (unsigned)about);
        world_live_until(world, after_periods(world, 1));
    }
}

static uint64_t count(const struct world *world, shoal_message kind)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < world->plan->num_members; i++)
        if (world->members[i].node)
            count +=
                shoal_get_stats(sim_engine(world->members[i].node)).sent[kind];
    return count;
}

static uint32_t count_living(const struct world *world)
{
    uint32_t living = 0;
    for (uint32_t i = 0; i < world->plan->num_members; i++)
        living += world->members[i].node != NULL;
    return living;
}

/* What nobody has who is still there is given up within so long, by who is
 * alone, too; those behind it sooner. */
static void await_last_miss(struct world *world)
{
    uint64_t gap_us = (count_living(world) > 1 ? 10 : 65) * UINT64_C(1000000);
    uint64_t last_us = world->publishes ? sim_now(world->net) : 0;
    while (!world_has_failed(world) && last_us > 0 &&
           sim_now(world->net) < last_us + gap_us) {
        world_live_until(world, last_us + gap_us);
        if (world->missed_us > last_us)
            last_us = world->missed_us;
    }
}

/* In the second half there is nothing left to say. */
void calm_expect_peace(struct world *world)
{
    char why[MAX_FAILURE];
    await_last_miss(world);
    world->calm = true;
    world_live_until(world, after_periods(world, 60));
    await_last_miss(world);
    world->compares = true;
    uint64_t gossips = count(world, SHOAL_MSG_GOSSIP),
             exchanges = count(world, SHOAL_MSG_EXCHANGE);
    world_live_until(world, after_periods(world, 60));
    world->compares = false;
    gossips = count(world, SHOAL_MSG_GOSSIP) - gossips;
    exchanges = count(world, SHOAL_MSG_EXCHANGE) - exchanges;
    if (gossips + exchanges > 0)
        world_fail(world, "peace: %u gossips, %u exchanges within 60 periods",
                   (unsigned)gossips, (unsigned)exchanges);
    if (!agree_all(world, why))
        world_fail(world, "peace: %s", why);
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

void calm_expect_broadcasts(struct world *world)
{
    uint32_t first = world->num_items;
    char why[MAX_FAILURE];
    world->calm = true;
    for (uint32_t i = 0; i < world->plan->num_members; i++)
        if (world->members[i].node &&
            items_broadcast(world, &world->members[i]) == MAX_ITEMS)
            world_fail(world, "broadcast: %u refused one", (unsigned)i);
    world_live_until(world, sim_now(world->net) + bound_dissemination(world));
    if (!agree_all(world, why))
        world_fail(world, "calm: %s", why);
    if (!world_has_failed(world))
        expect_items(world, first, world->num_items);
}

/* With as many transmissions as a member has in the calm, it tells everybody
 * itself. */
void calm_expect_farewell(struct world *world)
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
    world_live_until(world, after_periods(world, 3));
    for (uint32_t i = 0; i < n; i++)
        if (world->members[i].node && world->members[i].told[leaver->place])
            world_fail(world, "farewell: %u does not know that %u has left",
                       (unsigned)i, (unsigned)leaver->place);
}
