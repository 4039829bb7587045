/* SPDX-License-Identifier: MIT */
/*
 * How long a cluster may take to agree once nothing bad happens any more. These
 * are bounds that hold with certainty or all but (where chance has a part, it
 * is wrong in less than one run in a thousand million), not what is usual: that
 * is shorter by far.
 */
#include "world.h"

#include <math.h>

static uint64_t longer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Everybody is probed within 2n - 1 periods (SWIM 4.3: the end of one round and
 * the beginning of the next), each stretched by a local health that is as bad
 * as it can be (Lifeguard 4.A). */
static uint64_t probe_round(const struct plan *plan)
{
    const shoal_config *config = &plan->config;
    return (2 * plan->num_members - 1) * config->probe_period_us *
           (1 + config->max_local_health);
}

/* A suspicion that nobody confirms (Lifeguard 4.B), in a cluster that has grown
 * beyond what its config was made for (at most 30 members: log10(30) < 1.5). */
static uint64_t suspicion(const struct plan *plan)
{
    const shoal_config *config = &plan->config;
    return config->suspect_to_down_after_us * config->suspicion_max_factor * 3 /
           2;
}

/* The second look of a probe takes a period more. */
uint64_t bound_down(const struct plan *plan)
{
    return 2 * probe_round(plan) + suspicion(plan);
}

/* Two parts of a cluster that hold each other for down meet when somebody
 * announces to a down member (`members` random ones every `every_us`) that
 * lives in the other part. With d down members on each side's list of whom a
 * and b live in the parts, that is 2ab/d meetings in each turn; parts have two
 * members at least, a loner is idle and goes to its seeds. So 8/n in the worst
 * case, and e^-21 are less than 1e-9. */
uint64_t bound_meeting(const struct plan *plan)
{
    const shoal_periodic *task = &plan->config.announce_to_down;
    double turns = 21 * ceil(plan->num_members / 8.) + 5;
    return (uint64_t)(turns * (double)task->every_us / task->members);
}

/* A loner asks its seeds again, after 33 s at the latest. */
static uint64_t joining(void)
{
    return 33 * 1000 * 1000;
}

/* Clocks that were put back stand still until they have caught up; a slow node
 * gets through what waited. */
static uint64_t catching_up(const struct world *world)
{
    return world->clocks_back_us + world->slowest_us * SIM_MAX_WAITING;
}

/* A probe whose answer was lost, as slow as they come, and what it leads to. */
uint64_t bound_settling(const struct world *world)
{
    const shoal_config *config = &world->plan->config;
    return catching_up(world) +
           config->probe_period_us * (1 + config->max_local_health) +
           suspicion(world->plan);
}

/* News are carried by what is sent anyway: without gossip, one probe in a
 * period and its answer. As often as they may be sent, they are sent, with
 * packets so small that they take turns. */
uint64_t bound_dissemination(const struct world *world)
{
    const shoal_config *config = &world->plan->config;
    uint64_t turn = longer(config->gossip.every_us, config->probe_period_us);
    return (40 + 2 * world->plan->num_members) * turn *
           (1 + config->max_local_health);
}

/* In that order: catch up; find the dead; meet; and, having met, everybody is
 * probed once more, which tells the last one who is thought to be down. */
uint64_t bound_agreement(const struct world *world)
{
    const struct plan *plan = world->plan;
    return catching_up(world) + joining() + probe_round(plan) +
           suspicion(plan) + bound_meeting(plan) + probe_round(plan) +
           suspicion(plan) + bound_dissemination(world);
}
