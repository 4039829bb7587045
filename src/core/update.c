/* SPDX-License-Identifier: MIT */
/*
 * A claim about a member: (identity, incarnation, state).
 *
 *   it is us                         self_hear()
 *   its identity is known            the precedence table decides
 *   its address is known             `wins` decides: replaced, or ignored
 *   its address is ours              self_contest()
 *   nothing is known                 a new member
 *
 * Everything that can fail (memory, mostly) comes before the first change.
 */
#include "engine.h"

int update_queue(shoal *engine, const shoal_update *claim,
                 uint32_t transmissions, struct entry **owner)
{
    uint8_t buffer[MAX_CLAIM];
    size_t size;
    int error = ask_encode_member(engine, claim, buffer, sizeof buffer, &size);
    if (error) {
        /* The membership must not hang on a codec: believe, but do not tell. */
        engine_note(engine, error);
        engine_drop(engine, SHOAL_DROP_CODEC, error);
        if (*owner)
            backlog_remove(&engine->updates, &engine->mem, *owner);
        return 0;
    }
    if (!backlog_push(&engine->updates, &engine->mem, bytes_of(buffer, size),
                      (shoal_bytes){0}, (uint8_t)transmissions, owner))
        return SHOAL_ERR_NOMEM;
    return 0;
}

/* Members that come and go are worth packets of their own. Suspicions and their
 * refutations, of which a lossy network makes many, go with those of the probe
 * cycle: the suspect was told by its prober. */
static int gossip(shoal *engine, const shoal_update *claim,
                  struct member *about, bool comes_or_goes)
{
    uint8_t times = comes_or_goes ? engine_news_transmissions(engine)
                                  : engine_transmissions(engine);
    int error = update_queue(engine, claim, times, &about->queued);
    if (about->queued && (comes_or_goes || !engine->config.tell_suspects))
        backlog_hurry(&engine->updates, about->queued);
    return error;
}

void update_forget(shoal *engine, struct member *member)
{
    if (member->queued)
        backlog_remove(&engine->updates, &engine->mem, member->queued);
    suspicion_drop(engine, member);
    timers_cancel(&engine->timers, &member->timer);
    members_remove(&engine->members, &engine->mem, member);
}

/* Most that one claim gives: rename, up or down, active or idle, and one
 * diagnostic. */
enum { MAX_EVENTS = 4 };

static bool reserve(shoal *engine, const struct who *who, shoal_bytes before,
                    shoal_state state)
{
    return notify_reserve(engine, who, before, MAX_EVENTS) &&
           timers_reserve(&engine->timers, &engine->mem) &&
           (state != SHOAL_SUSPECT || suspicion_reserve(engine)) &&
           members_reserve_state(&engine->members, &engine->mem, state);
}

/* Sets state and incarnation; the rest follows from them. */
static void settle(shoal *engine, struct member *member,
                   const shoal_update *claim, bool fresh)
{
    if (fresh || member->state != claim->state)
        member->since_us = engine->now_us;
    member->incarnation = claim->incarnation;
    members_set_state(&engine->members, member, claim->state);
    suspicion_enter(engine, member, claim->from);
    if (claim->state == SHOAL_SUSPECT)
        engine->stats.suspicions++;
}

static void announce_change(shoal *engine, const struct member *member,
                            bool was_active)
{
    bool is_active = member_is_active(member);
    if (is_active && !was_active)
        notify_member(engine, SHOAL_EVENT_MEMBER_UP, member, (shoal_bytes){0});
    if (!is_active && was_active)
        notify_member(engine, SHOAL_EVENT_MEMBER_DOWN, member,
                      (shoal_bytes){0});
    if (member->state == SHOAL_SUSPECT)
        notify_member(engine, SHOAL_EVENT_SUSPECT, member, (shoal_bytes){0});
    engine_update_connection(engine);
}

int update_member(shoal *engine, struct member *member,
                  const shoal_update *claim, bool queue)
{
    struct who who;
    who_from(&who, member->identity);
    if (!reserve(engine, &who, (shoal_bytes){0}, claim->state))
        return SHOAL_ERR_NOMEM;
    shoal_state before = member->state;
    bool goes = claim->state == SHOAL_DOWN; /* down is final: nobody comes */
    int error = queue ? gossip(engine, claim, member, goes) : 0;
    if (error)
        return error;
    settle(engine, member, claim, false);
    if (goes && before != SHOAL_DOWN)
        digest_remove(engine, member->identity);
    announce_change(engine, member, before != SHOAL_DOWN);
    if (before == SHOAL_SUSPECT && member->state == SHOAL_ALIVE)
        notify_member(engine, SHOAL_EVENT_REFUTED, member, (shoal_bytes){0});
    return 0;
}

static int insert(shoal *engine, const struct who *who,
                  const shoal_update *claim, bool queue)
{
    if (engine->members.count >= engine->config.max_members)
        return engine_drop(engine, SHOAL_DROP_FULL, SHOAL_ERR_FULL);
    if (!reserve(engine, who, (shoal_bytes){0}, claim->state) ||
        !members_reserve(&engine->members, &engine->mem))
        return SHOAL_ERR_NOMEM;
    struct identity *identity = identity_new(&engine->mem, who);
    if (!identity)
        return SHOAL_ERR_NOMEM;
    struct member *member =
        members_insert(&engine->members, identity, claim->state);
    int error = queue ? gossip(engine, claim, member, true) : 0;
    if (error) {
        members_remove(&engine->members, &engine->mem, member);
        return error;
    }
    engine->learned++;
    settle(engine, member, claim, true);
    if (member_is_active(member))
        digest_add(engine, identity);
    announce_change(engine, member, false);
    return 0;
}

static int replace(shoal *engine, struct member *member, const struct who *who,
                   const shoal_update *claim, bool queue)
{
    struct identity *before = member->identity;
    if (!reserve(engine, who, identity_id(before), claim->state))
        return SHOAL_ERR_NOMEM;
    struct identity *identity = identity_new(&engine->mem, who);
    if (!identity)
        return SHOAL_ERR_NOMEM;
    int error = queue ? gossip(engine, claim, member, true) : 0;
    if (error) {
        identity_release(&engine->mem, identity);
        return error;
    }
    bool was_active = member_is_active(member);
    identity_retain(before);
    members_rename(&engine->members, &engine->mem, member, identity);
    engine->learned++;
    settle(engine, member, claim, true);
    if (was_active)
        digest_remove(engine, before);
    if (member_is_active(member))
        digest_add(engine, identity);
    notify_member(engine, SHOAL_EVENT_RENAME, member, identity_id(before));
    identity_release(&engine->mem, before);
    announce_change(engine, member, was_active);
    return 0;
}

int update_known(shoal *engine, struct member *member,
                 const shoal_update *claim, bool queue)
{
    if (member_overrides(member->state, member->incarnation, claim->state,
                         claim->incarnation))
        return update_member(engine, member, claim, queue);
    /* Somebody else has come to suspect it too: pass that on. */
    bool confirms = member->state == SHOAL_SUSPECT &&
                    claim->state == SHOAL_SUSPECT &&
                    claim->incarnation == member->incarnation &&
                    suspicion_confirm(engine, member, claim->from);
    return confirms && queue ? gossip(engine, claim, member, false) : 0;
}

int update_apply_to(shoal *engine, const struct who *who,
                    const shoal_update *claim, bool queue)
{
    if (bytes_equal(who->addr, identity_addr(engine->self)))
        return self_contest(engine, who, claim, queue);
    struct member *member =
        members_find_addr(&engine->members, who->addr, who->addr_hash);
    if (!member)
        return insert(engine, who, claim, queue);
    shoal_bytes known = identity_id(member->identity);
    if (bytes_equal(known, claim->id))
        return update_known(engine, member, claim, queue);
    if (!ask_wins(engine, claim->id, known))
        return engine_drop(engine, SHOAL_DROP_REPLACED, 0);
    return replace(engine, member, who, claim, queue);
}

static bool is_about(const shoal_update *claim, const struct member *member)
{
    return member && member->identity &&
           bytes_equal(identity_id(member->identity), claim->id);
}

int update_apply(shoal *engine, const shoal_update *claim, struct member *maybe,
                 bool queue)
{
    if (bytes_equal(claim->id, identity_id(engine->self)))
        return self_hear(engine, claim, queue);
    if (is_about(claim, maybe))
        return update_known(engine, maybe, claim, queue);
    struct who who;
    int error = ask_who(engine, claim->id, &who);
    if (error)
        return engine_drop(engine, SHOAL_DROP_IDENTITY, error);
    return update_apply_to(engine, &who, claim, queue);
}
