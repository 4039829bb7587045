/* SPDX-License-Identifier: MIT */
/* Do all see all? And do they remember each other? */
#include "world.h"

#include <stdio.h>

static bool sees(const struct watched *member, const struct watched *other)
{
    shoal_member seen;
    if (!other->node || other == member)
        return !member->told[other->place];
    return shoal_find_identity(sim_engine(member->node),
                               shoal_self(sim_engine(other->node)).id, &seen) &&
           seen.state == SHOAL_ALIVE;
}

/* What the one believes of the other, and what that is. */
static void explain(const struct watched *member, const struct watched *other,
                    char *why)
{
    static const char *const words[] = {"alive", "suspect", "down"};
    const struct belief *known = &member->known[other->place];
    bool is_other = other->node && known->ident && known->ident != other->self;
    snprintf(why, MAX_FAILURE, "%u does not see %u as it is (%s %u%s, %s)",
             (unsigned)member->number, (unsigned)other->place,
             known->ident ? words[known->state] : "unknown",
             (unsigned)known->incarnation, is_other ? ", another one" : "",
             other->node ? shoal_connection_name(
                               shoal_get_connection(sim_engine(other->node)))
                         : "gone");
}

/* Somebody at an address where nobody ever was? */
static bool sees_ghost(struct world *world, const struct watched *member,
                       char *why)
{
    for (uint32_t i = world->plan->num_members; i < world->idents.num_places;
         i++)
        if (member->told[i]) {
            snprintf(why, MAX_FAILURE, "%u sees nobody's address %.*s",
                     (unsigned)member->number,
                     (int)world->idents.places[i].size,
                     (const char *)world->idents.places[i].bytes);
            return true;
        }
    return false;
}

bool agree_all(struct world *world, char *why)
{
    for (uint32_t i = 0; i < world->plan->num_members; i++) {
        const struct watched *member = &world->members[i];
        if (!member->node)
            continue;
        for (uint32_t j = 0; j < world->plan->num_members; j++)
            if (!sees(member, &world->members[j])) {
                explain(member, &world->members[j], why);
                return false;
            }
        if (sees_ghost(world, member, why))
            return false;
    }
    return true;
}

/* ---- Who has heard of whom ---- */

/* Those that failed are asked again, those that left are not. */
static bool remembers(const struct watched *member, uint32_t place)
{
    const struct belief *belief = &member->known[place];
    return member->node && belief->ident &&
           !(belief->state == SHOAL_DOWN &&
             belief->incarnation == SHOAL_INCARNATION_LEFT);
}

static bool are_acquainted(const struct world *world, uint32_t a, uint32_t b)
{
    return a < world->plan->num_seeds || b < world->plan->num_seeds ||
           remembers(&world->members[a], b) || remembers(&world->members[b], a);
}

/* Those that run and have heard of `place`, of however many others, as a mask.
 */
static uint64_t acquaintances(const struct world *world, uint32_t place)
{
    uint32_t n = world->plan->num_members;
    uint64_t mask = (uint64_t)1 << place, before = 0;
    while (mask != before) {
        before = mask;
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; mask >> i & 1 && j < n; j++)
                if (world->members[j].node && are_acquainted(world, i, j))
                    mask |= (uint64_t)1 << j;
    }
    return mask;
}

void agree_introduce(struct world *world)
{
    uint32_t n = world->plan->num_members, first = 0;
    char address[WORLD_MAX_ADDRESS];
    while (first < n && !world->members[first].node)
        first++;
    if (first == n)
        return;
    world_address(world, first, address);
    for (uint32_t i = 0; i < n; i++)
        if (world->members[i].node && !(acquaintances(world, first) >> i & 1) &&
            !sim_join(world->members[i].node, address))
            world_fail(world, "start: no memory");
}
