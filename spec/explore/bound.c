/* SPDX-License-Identifier: MIT */
/*
 * How long a cluster may take to agree once nothing bad happens any more. These
 * are bounds that hold with certainty or all but (where chance has a part, it
 * is wrong in less than one run in a thousand million), not what is usual: that
 * is shorter by far.
 *
 * With n members, probe_period T, a local health of at most h, a suspicion of
 * at most S, and d entries of members that are down (docs/reliability.md):
 *
 *   round        2n T (1 + h)       everybody is probed by everybody
 *   asking       180 s              everybody has asked each of three seeds
 *   meeting      A (1 + 21 / p)     A = announce_to_down.every, and p the
 * chance that a turn goes to the right one of d: ln(1 + 1/d) / ln(1 + d), 1 if
 * it is the only one settling     127 T              two claimants of an
 * address take turns that double up to 64 T telling      (40 + 2n) max(G, T) (1
 * + h)    G = gossip.every
 *
 *   agreement    round + S + asking + meeting + settling + round + S + telling
 */
#include "world.h"

#include <math.h>

static uint64_t longer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* A latency's long tail ends where e^-21 < 1e-9 of it are left. */
static uint64_t latency(const struct plan *plan)
{
    const sim_latency *latency = &plan->network.latency;
    uint64_t width = latency->high_us - latency->low_us;
    return latency->distribution == SIM_UNIFORM ? latency->high_us
                                                : latency->low_us + 21 * width;
}

/* Everybody is probed within 2n - 1 periods (SWIM 4.3: the end of one round and
 * the beginning of the next), each stretched by a local health that is as bad
 * as it can be (Lifeguard 4.A). */
static uint64_t probe_round(const struct plan *plan, uint32_t n)
{
    const shoal_config *config = &plan->config;
    return (2 * n - 1) * config->probe_period_us *
           (1 + config->max_local_health);
}

/* One that nobody confirms (Lifeguard 4.B), in a cluster that has grown beyond
 * what its config was made for (at most 50 members: log10(50) < 2). */
uint64_t bound_suspicion(const struct plan *plan)
{
    const shoal_config *config = &plan->config;
    return config->suspect_to_down_after_us * config->suspicion_max_factor * 2;
}

/* The second look of a probe takes a period more. */
uint64_t bound_down(const struct plan *plan)
{
    return 2 * probe_round(plan, plan->num_members) + bound_suspicion(plan);
}

uint64_t bound_gossip(const struct plan *plan)
{
    const shoal_config *config = &plan->config;
    return latency(plan) + (config->gossip.every_us ? config->gossip.every_us
                                                    : config->probe_period_us);
}

uint64_t bound_flight(const struct plan *plan)
{
    return bound_gossip(plan) + bound_suspicion(plan);
}

/* ---- Meeting ---- */

/* Whom anybody holds for down, at most; and for active, living or not. */
static uint32_t most_down(const struct world *world)
{
    size_t most = 0;
    for (uint32_t i = 0; i < world->plan->num_members; i++) {
        if (!world->members[i].node)
            continue;
        const shoal *engine = sim_engine(world->members[i].node);
        size_t down = shoal_num_known(engine) - shoal_num_members(engine);
        most = down > most ? down : most;
    }
    return (uint32_t)most;
}

static uint32_t most_active(const struct world *world)
{
    uint32_t count = world->plan->num_members;
    for (uint32_t i = count; i < world->idents.num_places; i++) {
        bool any = false;
        for (uint32_t j = 0; j < world->plan->num_members && !any; j++)
            any = world->members[j].told[i] != NULL;
        count += any;
    }
    return count;
}

/* A turn goes to one of d down members, the k-th last that went down with the
 * chance ln(1 + 1/k) / ln(1 + d). In a schism there are none but the right
 * ones, and one packet leads to the other's: three ways. */
uint64_t bound_meeting(struct world *world)
{
    const struct plan *plan = world->plan;
    const shoal_periodic *task = &plan->config.announce_to_down;
    double d = most_down(world);
    if (plan->kind == PLAN_SCHISM)
        return 2 * task->every_us + 3 * latency(plan);
    double turns = d > 1 ? 1 + 21 * log(1 + d) / log(1 + 1 / d) : 2;
    return (uint64_t)(turns * (double)task->every_us / task->members);
}

/* Alone within 45 s, in company (three seeds take turns) within three times as
 * long. */
static uint64_t asking(void)
{
    return 4 * 45 * 1000 * (uint64_t)1000;
}

static uint64_t settling(const struct plan *plan)
{
    return 127 * plan->config.probe_period_us;
}

/* ---- All of it ---- */

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
           bound_suspicion(world->plan);
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

/* In that order: catch up; find the dead; meet; agree who has which address;
 * and everybody is probed once more, which tells the last one who is thought to
 * be down. */
uint64_t bound_agreement(struct world *world)
{
    const struct plan *plan = world->plan;
    uint64_t round = probe_round(plan, most_active(world));
    return catching_up(world) + round + bound_suspicion(plan) + asking() +
           bound_meeting(world) + settling(plan) + round +
           bound_suspicion(plan) + bound_dissemination(world);
}
