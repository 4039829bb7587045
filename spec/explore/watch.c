/* SPDX-License-Identifier: MIT */
/* What must hold of a member at any time, whatever happens. */
#include "world.h"

#include <stdio.h>
#include <string.h>

enum {
    FIXED_MEMORY = 96 * 1024, /* effects of a busy moment, blocks kept */
    LEAST_MEMORY = 32 * 1024, /* of few members, whose moments are not busy */
    MEMORY_EACH = 1024        /* of a member, or an entry of the backlog */
};

static bool same(const struct belief *belief, shoal_bytes id)
{
    return belief->size == id.size && memcmp(belief->id, id.data, id.size) == 0;
}

static void remember(struct belief *belief, const shoal_member *member)
{
    memcpy(belief->id, member->id.data, member->id.size);
    belief->size = member->id.size;
    belief->incarnation = member->incarnation;
    belief->state = member->state;
}

static bool is_newer(shoal_bytes id, const struct belief *than)
{
    shoal_identity_questions stock = shoal_stock_identity();
    return stock.wins(stock.context, id, (shoal_bytes){than->id, than->size}) ==
           1;
}

void watch_begin(struct watched *member)
{
    struct world *world = member->world;
    uint32_t place = member->place, life = member->life + 1;
    *member = (struct watched){.world = world,
                               .place = place,
                               .life = life,
                               .since_us = sim_now(world->net)};
}

/* ---- What it says ---- */

/* Ups and downs of an address alternate; a rename is of whom it was up. */
static void hear(struct watched *member, const shoal_effect *effect)
{
    struct world *world = member->world;
    uint32_t about = world_place(effect->member.addr);
    struct belief *told = &member->told[about];
    bool is_up = told->size > 0;
    if (effect->event == SHOAL_EVENT_MEMBER_UP) {
        if (is_up)
            world_fail(world, "events: %u says twice that %u is up",
                       (unsigned)member->place, (unsigned)about);
        remember(told, &effect->member);
    } else if (effect->event == SHOAL_EVENT_MEMBER_DOWN) {
        if (!is_up || !same(told, effect->member.id))
            world_fail(world,
                       "events: %u says that %u is down, which was not "
                       "up",
                       (unsigned)member->place, (unsigned)about);
        told->size = 0;
        if (world->calm && &world->members[about] != world->leaver)
            world_fail(world, "calm: %u says that %u is down",
                       (unsigned)member->place, (unsigned)about);
    } else if (is_up) {
        if (!same(told, effect->before))
            world_fail(world, "events: %u renames %u, which had another name",
                       (unsigned)member->place, (unsigned)about);
        remember(told, &effect->member);
    }
}

static void check_size(struct watched *member, size_t size)
{
    uint32_t limit =
        shoal_get_config(sim_engine(member->node))->max_packet_size;
    if (size > limit)
        world_fail(member->world, "packet: %u sends %zu bytes of at most %u",
                   (unsigned)member->place, size, (unsigned)limit);
}

/* Who leaves says so. */
static void check_suspicion(struct watched *member, const shoal_member *who)
{
    struct world *world = member->world;
    if (world->leaver && world_place(who->addr) == world->leaver->place)
        world_fail(world, "farewell: %u suspects %u, which has left",
                   (unsigned)member->place, (unsigned)world->leaver->place);
}

/* "Suspect, i" is answered with "alive, i + 1", or nobody would believe it. */
static void check_refutation(struct watched *member, const shoal_member *who)
{
    if (same(&member->self, who->id) &&
        who->incarnation <= member->self.incarnation)
        world_fail(member->world, "refuted: %u says %u again",
                   (unsigned)member->place, (unsigned)who->incarnation);
}

void watch_notify(struct watched *member, const shoal_effect *effect)
{
    member->touched = true;
    switch (effect->event) {
    case SHOAL_EVENT_MEMBER_UP:
    case SHOAL_EVENT_MEMBER_DOWN:
    case SHOAL_EVENT_RENAME:
        hear(member, effect);
        break;
    case SHOAL_EVENT_SUSPECT:
        check_suspicion(member, &effect->member);
        break;
    case SHOAL_EVENT_REFUTED:
        check_refutation(member, &effect->member);
        break;
    case SHOAL_EVENT_PACKET_SENT:
        check_size(member, effect->size);
        break;
    case SHOAL_EVENT_REJOIN:
        if (member->world->calm)
            world_fail(member->world, "calm: %u had to renew itself",
                       (unsigned)member->place);
        break;
    default:
        break;
    }
}

/* ---- What it believes ---- */

/* Incarnations only grow, down is final, a suspicion is not refuted by what was
 * said before it (SWIM 4.2), and nobody takes an older identity for a newer
 * one, as long as the member is not forgotten. */
static void check_history(struct watched *member, uint32_t about,
                          const shoal_member *now)
{
    struct world *world = member->world;
    const struct belief *before = &member->known[about];
    if (before->size == 0)
        return;
    if (!same(before, now->id)) {
        if (!is_newer(now->id, before))
            world_fail(world, "identity: %u takes an older %u for a newer one",
                       (unsigned)member->place, (unsigned)about);
    } else if (before->state == SHOAL_DOWN && now->state != SHOAL_DOWN) {
        world_fail(world, "down: for %u, %u came back to life",
                   (unsigned)member->place, (unsigned)about);
    } else if (now->state != SHOAL_DOWN &&
               now->incarnation < before->incarnation) {
        world_fail(world, "incarnation: for %u, %u went from %u to %u",
                   (unsigned)member->place, (unsigned)about,
                   (unsigned)before->incarnation, (unsigned)now->incarnation);
    } else if (before->state == SHOAL_SUSPECT && now->state == SHOAL_ALIVE &&
               now->incarnation == before->incarnation) {
        world_fail(world,
                   "refuted: for %u, %u is not suspect any more, and "
                   "did not refute it",
                   (unsigned)member->place, (unsigned)about);
    }
}

/* The members that it told of are those it has. */
static void check_told(struct watched *member, uint32_t about,
                       const struct belief *now)
{
    bool is_active = now->size > 0 && now->state != SHOAL_DOWN;
    const struct belief *told = &member->told[about];
    bool agrees = is_active ? same(told, (shoal_bytes){now->id, now->size})
                            : told->size == 0;
    if (!agrees)
        world_fail(member->world,
                   "told: %u did not tell what it believes "
                   "of %u",
                   (unsigned)member->place, (unsigned)about);
}

static void check_members(struct watched *member)
{
    struct belief known[PLAN_MAX_MEMBERS] = {{.size = 0}};
    uint32_t cursor = 0;
    shoal_member other;
    while (shoal_next_member(sim_engine(member->node), &cursor, &other)) {
        uint32_t about = world_place(other.addr);
        if (about == member->place || known[about].size > 0)
            world_fail(member->world, "members: %u knows %u twice",
                       (unsigned)member->place, (unsigned)about);
        check_history(member, about, &other);
        remember(&known[about], &other);
    }
    for (uint32_t i = 0; i < PLAN_MAX_MEMBERS; i++)
        check_told(member, i, &known[i]);
    memcpy(member->known, known, sizeof known);
}

static void check_self(struct watched *member)
{
    shoal *engine = sim_engine(member->node);
    shoal_member self = shoal_self(engine);
    struct belief *before = &member->self;
    bool is_same = same(before, self.id);
    if (is_same && self.incarnation < before->incarnation)
        world_fail(member->world, "incarnation: %u's own went from %u to %u",
                   (unsigned)member->place, (unsigned)before->incarnation,
                   (unsigned)self.incarnation);
    if (!is_same && !is_newer(self.id, before))
        world_fail(member->world, "identity: %u took an older one",
                   (unsigned)member->place);
    remember(before, &self);
    shoal_connection expected = shoal_num_members(engine) > 0
                                    ? SHOAL_CONNECTION_ACTIVE
                                    : SHOAL_CONNECTION_IDLE;
    shoal_connection connection = shoal_get_connection(engine);
    if (connection != expected && connection != SHOAL_CONNECTION_DEFUNCT)
        world_fail(member->world, "connection: %u is %s with %zu members",
                   (unsigned)member->place, shoal_connection_name(connection),
                   shoal_num_members(engine));
}

/* Whoever is not in the cluster leaves the others alone. */
static void check_defunct(struct watched *member)
{
    shoal *engine = sim_engine(member->node);
    bool is_defunct = shoal_get_connection(engine) == SHOAL_CONNECTION_DEFUNCT;
    uint64_t probes = shoal_get_stats(engine).probes;
    if (is_defunct && member->defunct && probes != member->num_probes)
        world_fail(member->world, "defunct: %u probes others all the same",
                   (unsigned)member->place);
    member->defunct = is_defunct;
    member->num_probes = probes;
}

/* Pools keep what they once had, so the bound is on the most there was. */
static void check_memory(struct watched *member)
{
    shoal *engine = sim_engine(member->node);
    size_t holds = shoal_num_known(engine) + shoal_num_updates(engine) +
                   shoal_num_broadcasts(engine);
    uint64_t bytes = shoal_get_stats(engine).memory_bytes;
    if (holds > member->most)
        member->most = holds;
    if (bytes > member->world->most_memory)
        member->world->most_memory = bytes;
    bool is_small = member->world->plan->is_marathon;
    if (bytes >
        (is_small ? LEAST_MEMORY : FIXED_MEMORY) + MEMORY_EACH * member->most)
        world_fail(member->world,
                   "memory: %u holds %zu bytes for %zu members "
                   "and entries",
                   (unsigned)member->place, (size_t)bytes, member->most);
}

/* One claim about each member it knows waits at most, and one about itself; one
 * item about each topic. */
static void check_backlogs(struct watched *member)
{
    shoal *engine = sim_engine(member->node);
    size_t items = shoal_num_broadcasts(engine);
    if (shoal_num_updates(engine) > shoal_num_known(engine) + 1)
        world_fail(member->world, "backlog: %zu claims wait at %u, about %zu",
                   shoal_num_updates(engine), (unsigned)member->place,
                   shoal_num_known(engine));
    if (items > NUM_TOPICS + member->world->num_calm_items)
        world_fail(member->world, "backlog: %zu items wait at %u, of %d topics",
                   items, (unsigned)member->place, NUM_TOPICS);
}

void watch_look(struct watched *member)
{
    member->touched = false;
    member->num_known = shoal_num_known(sim_engine(member->node));
    check_members(member);
    check_self(member);
    check_defunct(member);
    check_backlogs(member);
    check_memory(member);
}

/* Whoever is ticked at its deadlines only misses nothing: at any other time
 * there is nothing to do. (While a clock that was set back catches up, the
 * engine's own stands beyond deadlines that it has not been told of.) */
void watch_wake(struct watched *member)
{
    if (!member->node || sim_is_paused(member->node) || member->set_back)
        return;
    shoal *engine = sim_engine(member->node);
    uint64_t now = sim_node_now(member->node);
    uint64_t deadline = shoal_next_deadline(engine);
    if (deadline <= now)
        return;
    uint64_t sent = shoal_get_stats(engine).packets_sent;
    (void)shoal_tick(engine, now);
    if (shoal_get_stats(engine).packets_sent != sent)
        world_fail(member->world,
                   "deadline: %u had something to send %.3f s "
                   "before it",
                   (unsigned)member->place, (double)(deadline - now) / 1e6);
    else if (shoal_next_deadline(engine) != deadline)
        world_fail(member->world,
                   "deadline: %u had something to do %.3f s "
                   "before it",
                   (unsigned)member->place, (double)(deadline - now) / 1e6);
}

/* ---- What all believe ---- */

static bool sees(const struct watched *member, const struct watched *other)
{
    shoal_member seen, self;
    if (!other->node || other == member)
        return member->told[other->place].size == 0;
    self = shoal_self(sim_engine(other->node));
    return shoal_find_identity(sim_engine(member->node), self.id, &seen) &&
           seen.state == SHOAL_ALIVE;
}

/* What the one believes of the other, and what that is. */
static void explain(const struct watched *member, const struct watched *other,
                    char *why)
{
    static const char *const words[] = {"alive", "suspect", "down"};
    const struct belief *known = &member->known[other->place];
    bool runs = other->node != NULL;
    snprintf(why, MAX_FAILURE, "%u does not see %u as it is (%s %u%s, %s)",
             (unsigned)member->place, (unsigned)other->place,
             known->size ? words[known->state] : "unknown",
             (unsigned)known->incarnation,
             runs && known->size &&
                     !same(known, shoal_self(sim_engine(other->node)).id)
                 ? ", an older one"
                 : "",
             runs ? shoal_connection_name(
                        shoal_get_connection(sim_engine(other->node)))
                  : "gone");
}

bool watch_agree(struct world *world, char *why)
{
    for (uint32_t i = 0; i < world->plan->num_members; i++) {
        const struct watched *member = &world->members[i];
        for (uint32_t j = 0; member->node && j < world->plan->num_members;
             j++) {
            if (sees(member, &world->members[j]))
                continue;
            explain(member, &world->members[j], why);
            return false;
        }
    }
    return true;
}
