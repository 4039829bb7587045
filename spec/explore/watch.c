/* SPDX-License-Identifier: MIT */
/* What must hold of what a member says and does, whatever happens. */
#include "world.h"

#include <stdio.h>

enum {
    FIXED_MEMORY = 128 * 1024, /* effects of a busy moment, blocks kept */
    LEAST_MEMORY = 46 * 1024,  /* of few members; an engine alone is 22 KB */
    TOPICS_MEMORY = 2 * PLAN_TOPICS_MEMORY, /* kept, and on their way */
    MEMORY_EACH = 1024 /* of a member, or an entry of the backlog */
};

void watch_begin(struct watched *member)
{
    struct world *world = member->world;
    uint32_t number = member->number, place = member->place;
    uint32_t life = member->life + 1;
    *member = (struct watched){.world = world,
                               .number = number,
                               .place = place,
                               .life = life,
                               .since_us = sim_now(world->net)};
    for (uint32_t i = 0; i < MAX_WATCHED; i++)
        world->members[i].buried[place] = false;
}

/* ---- What it says ---- */

static void hear_up(struct watched *member, struct ident *ident)
{
    uint32_t about = ident->place;
    if (member->told[about])
        world_fail(member->world, "events: %u says twice that %u is up",
                   (unsigned)member->number, (unsigned)about);
    member->told[about] = ident;
    reach_hear_up(member, about);
}

static void hear_down(struct watched *member, struct ident *ident)
{
    struct world *world = member->world;
    uint32_t about = ident->place;
    if (member->told[about] != ident)
        world_fail(world, "events: %u says that %u is down, which was not up",
                   (unsigned)member->number, (unsigned)about);
    member->told[about] = NULL;
    if (world->calm && !(world->leaver && about == world->leaver->place))
        world_fail(world, "calm: %u says that %u is down",
                   (unsigned)member->number, (unsigned)about);
    reach_hear_down(member, about, ident);
}

/* A rename is of one that was up, or of one that is down. */
static void hear_rename(struct watched *member, struct ident *before,
                        struct ident *now, bool was_active)
{
    uint32_t about = now->place;
    if (was_active != (member->told[about] != NULL))
        world_fail(member->world, "events: %u renames %u, which was %s",
                   (unsigned)member->number, (unsigned)about,
                   was_active ? "down" : "up");
    if (!member->told[about])
        return;
    if (member->told[about] != before)
        world_fail(member->world,
                   "events: %u renames %u, which had another name",
                   (unsigned)member->number, (unsigned)about);
    member->told[about] = now;
}

static void hear_forgotten(struct watched *member, uint32_t about)
{
    if (member->told[about])
        world_fail(member->world, "events: %u forgets %u, which is up",
                   (unsigned)member->number, (unsigned)about);
    member->known[about].ident = NULL;
}

/* Ups and downs of an address alternate. */
static void hear(struct watched *member, const shoal_effect *effect)
{
    struct idents *idents = &member->world->idents;
    struct ident *ident = idents_get(idents, effect->member.id);
    if (ident->place == NOWHERE)
        return;
    if (effect->event == SHOAL_EVENT_MEMBER_UP)
        hear_up(member, ident);
    else if (effect->event == SHOAL_EVENT_MEMBER_DOWN)
        hear_down(member, ident);
    else if (effect->event == SHOAL_EVENT_RENAME)
        hear_rename(member, idents_get(idents, effect->before), ident,
                    effect->was_active);
    else
        hear_forgotten(member, ident->place);
}

static void check_size(struct watched *member, size_t size)
{
    uint32_t limit =
        shoal_get_config(sim_engine(member->node))->max_packet_size;
    if (size > limit)
        world_fail(member->world, "packet: %u sends %zu bytes of at most %u",
                   (unsigned)member->number, size, (unsigned)limit);
}

/* Who leaves says so. */
static void check_suspicion(struct watched *member, const shoal_member *who)
{
    struct world *world = member->world;
    if (world->leaver &&
        idents_get(&world->idents, who->id)->place == world->leaver->place)
        world_fail(world, "farewell: %u suspects %u, which has left",
                   (unsigned)member->number, (unsigned)world->leaver->place);
}

/* "Suspect, i" is answered with "alive, i + 1", or nobody would believe it. */
static void check_refutation(struct watched *member, const shoal_member *who)
{
    struct ident *ident = idents_get(&member->world->idents, who->id);
    if (ident != member->self)
        return;
    if (ident->incarnation < who->incarnation) /* it may be gone in a moment */
        ident->incarnation = who->incarnation;
    if (who->incarnation <= member->incarnation)
        world_fail(member->world, "refuted: %u says %u again",
                   (unsigned)member->number, (unsigned)who->incarnation);
}

/* Was there a process with that address and a newer identity, or the same one
 * (which two that renew themselves in turns may come to)? */
static bool has_rival(const struct watched *member)
{
    const struct idents *idents = &member->world->idents;
    if (member->self->is_shared)
        return true;
    for (uint32_t i = 0; i < IDENT_BUCKETS; i++)
        for (const struct ident *ident = idents->buckets[i]; ident;
             ident = ident->next)
            if (ident->place == member->place && ident->life > 0 &&
                (ident->owner != member->number ||
                 ident->life != member->life) &&
                ident_wins(ident, member->self))
                return true;
    return false;
}

/* Nobody has to become somebody else without a reason: a process before it
 * whose clock was ahead, a second process, a forgery, a verdict that is final.
 */
static void check_renewal(struct watched *member)
{
    struct world *world = member->world;
    world->renewals++;
    member->doubts = true;
    if (world->calm)
        world_fail(world, "calm: %u had to renew itself",
                   (unsigned)member->number);
    if (world->is_honest && plan_heals(world->plan) &&
        !plan_has(world->plan, FAULT_CONFIG) && !has_rival(member))
        world_fail(world, "renewal: %u had no reason to",
                   (unsigned)member->number);
}

static void tell(const struct watched *member, const shoal_effect *effect)
{
    struct world *world = member->world;
    struct ident *ident = idents_get(&world->idents, effect->member.id);
    if (effect->event == SHOAL_EVENT_PACKET_SENT ||
        effect->event == SHOAL_EVENT_PACKET_RECEIVED)
        return;
    printf("%12.6f %3u %-14s %3u, %u\n", (double)sim_now(world->net) / 1e6,
           (unsigned)member->number, shoal_event_name(effect->event),
           (unsigned)ident->place, (unsigned)effect->member.incarnation);
}

void watch_notify(struct watched *member, const shoal_effect *effect)
{
    member->touched = true;
    if (member->world->plan->is_told)
        tell(member, effect);
    switch (effect->event) {
    case SHOAL_EVENT_MEMBER_UP:
    case SHOAL_EVENT_MEMBER_DOWN:
    case SHOAL_EVENT_RENAME:
    case SHOAL_EVENT_MEMBER_FORGOTTEN:
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
    case SHOAL_EVENT_RETURNED:
    case SHOAL_EVENT_ACTIVE: /* it had lost everybody */
        member->doubts = true;
        break;
    case SHOAL_EVENT_PUBLISHED:
    case SHOAL_EVENT_MISSED:
        topics_hear(member, effect);
        break;
    case SHOAL_EVENT_REJOIN:
        check_renewal(member);
        break;
    default:
        break;
    }
}

/* An address that a member has left may be another one's by now. */
static void check_asked(struct watched *member, const struct ident *ident)
{
    if (ident->place == NOWHERE || !member->world->is_honest)
        return; /* a packet whose sender was forged is answered */
    const struct belief *belief = &member->known[ident->place];
    if (belief->ident == ident && belief->state == SHOAL_DOWN &&
        belief->incarnation == SHOAL_INCARNATION_LEFT)
        world_fail(member->world, "left: %u asks %u, which has left",
                   (unsigned)member->number, (unsigned)ident->place);
}

/* While all agree, so do their digests. */
static void check_digest(struct watched *member, const shoal_header *header)
{
    struct world *world = member->world;
    const shoal_digest *first = &world->digest;
    if (header->digest.without != 0)
        return;
    if (world->has_digest && (first->members != header->digest.members ||
                              first->sum != header->digest.sum))
        world_fail(world, "digest: that of %u differs",
                   (unsigned)member->number);
    world->has_digest = true;
    world->digest = header->digest;
}

static void count_packet(struct watched *member)
{
    struct world *world = member->world;
    uint64_t now = sim_now(world->net);
    if (now - member->window_us >= world->plan->config.probe_period_us) {
        member->window_us = now;
        member->window = 0;
    }
    if (++member->window > world->busiest)
        world->busiest = member->window;
}

void watch_send(struct watched *member, const shoal_effect *effect)
{
    struct world *world = member->world;
    shoal_codec codec = shoal_default_codec();
    shoal_header header;
    size_t used;
    count_packet(member);
    if (effect->message == SHOAL_MSG_ANNOUNCE)
        check_asked(member, idents_get(&world->idents, effect->member.id));
    if (world->compares &&
        codec.decode_header(codec.context, effect->packet, &header, &used) ==
            0 &&
        header.has_digest)
        check_digest(member, &header);
}

/* ---- What it is ---- */

static void become(struct watched *member, struct ident *ident)
{
    struct ident *before = member->self;
    if (before && !ident_wins(ident, before))
        world_fail(member->world, "identity: %u took an older one",
                   (unsigned)member->number);
    if (before)
        before->is_over = true;
    member->self = ident;
    ident->is_shared |= ident->life > 0 && (ident->owner != member->number ||
                                            ident->life != member->life);
    ident->owner = member->number;
    ident->life = member->life;
}

/* 65535 is what somebody who left has; in plain SWIM anybody may. */
static void check_incarnation(struct watched *member, uint16_t now,
                              bool is_same)
{
    if (is_same && now < member->incarnation)
        world_fail(member->world, "incarnation: %u's own went from %u to %u",
                   (unsigned)member->number, (unsigned)member->incarnation,
                   (unsigned)now);
    if (now == SHOAL_INCARNATION_LEFT && now != member->incarnation &&
        shoal_get_config(sim_engine(member->node))->notify_down_members)
        world_fail(member->world, "incarnation: %u's own is the greatest",
                   (unsigned)member->number);
}

void watch_self(struct watched *member)
{
    shoal_member self = shoal_self(sim_engine(member->node));
    struct ident *ident = idents_get(&member->world->idents, self.id);
    check_incarnation(member, self.incarnation, ident == member->self);
    if (ident != member->self)
        become(member, ident);
    member->incarnation = self.incarnation;
    if (self.incarnation > ident->incarnation)
        ident->incarnation = self.incarnation;
}

static void check_connection(struct watched *member)
{
    shoal *engine = sim_engine(member->node);
    shoal_connection expected = shoal_num_members(engine) > 0
                                    ? SHOAL_CONNECTION_ACTIVE
                                    : SHOAL_CONNECTION_IDLE;
    shoal_connection connection = shoal_get_connection(engine);
    if (connection != expected && connection != SHOAL_CONNECTION_DEFUNCT)
        world_fail(member->world, "connection: %u is %s with %zu members",
                   (unsigned)member->number, shoal_connection_name(connection),
                   shoal_num_members(engine));
}

/* A member that is not in the cluster leaves the others alone. */
static void check_defunct(struct watched *member)
{
    shoal *engine = sim_engine(member->node);
    bool is_defunct = shoal_get_connection(engine) == SHOAL_CONNECTION_DEFUNCT;
    uint64_t probes = shoal_get_stats(engine).probes;
    if (is_defunct && member->defunct && probes != member->num_probes)
        world_fail(member->world, "defunct: %u probes others all the same",
                   (unsigned)member->number);
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
    bool is_small = member->world->plan->kind == PLAN_MARATHON;
    if (bytes >
        (is_small ? LEAST_MEMORY : FIXED_MEMORY) +
            member->world->publishes * TOPICS_MEMORY +
            (MEMORY_EACH + member->world->says * 2 * TAGS_MOST) * member->most)
        world_fail(member->world,
                   "memory: %u holds %zu bytes for %zu members "
                   "and entries",
                   (unsigned)member->number, (size_t)bytes, member->most);
}

/* One claim about each member it knows waits at most, and one about itself; one
 * item about each topic. */
static void check_backlogs(struct watched *member)
{
    shoal *engine = sim_engine(member->node);
    size_t items = shoal_num_broadcasts(engine);
    if (shoal_num_updates(engine) > shoal_num_known(engine) + 1)
        world_fail(member->world, "backlog: %zu claims wait at %u, about %zu",
                   shoal_num_updates(engine), (unsigned)member->number,
                   shoal_num_known(engine));
    if (items > NUM_TOPICS + member->world->num_calm_items)
        world_fail(member->world, "backlog: %zu items wait at %u, of %d topics",
                   items, (unsigned)member->number, NUM_TOPICS);
}

void watch_look(struct watched *member)
{
    member->touched = false;
    member->num_known = shoal_num_known(sim_engine(member->node));
    beliefs_look(member);
    check_connection(member);
    check_defunct(member);
    check_backlogs(member);
    check_memory(member);
}

/* Whoever is ticked at its deadlines only misses nothing: at any other time
 * there is nothing to do. (While a clock that was set back catches up, the
 * engine's own stands beyond deadlines that it has not been told of. And in a
 * table of many, a search for the one that makes a difference goes on whenever
 * there is time.) */
void watch_wake(struct watched *member)
{
    enum { AT_ONCE = 1024 };
    if (!member->node || sim_is_paused(member->node) || member->set_back ||
        member->num_known >= AT_ONCE)
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
                   (unsigned)member->number, (double)(deadline - now) / 1e6);
    else if (shoal_next_deadline(engine) != deadline)
        world_fail(member->world,
                   "deadline: %u had something to do %.3f s "
                   "before it",
                   (unsigned)member->number, (double)(deadline - now) / 1e6);
}
