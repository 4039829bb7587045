/* SPDX-License-Identifier: MIT */
/*
 * A claim about a member: (identity, incarnation, state).
 *
 *   it is us                         accused_hear()
 *   its identity is known            the precedence table decides
 *   its address is known             `wins` decides: replaced, or ignored
 *   its address is ours              accused_contest()
 *   nothing is known                 a new member
 *
 * A verdict ("down, i") is believed as it is when it was gossiped. It counts as
 * a suspicion, which the one concerned can refute, when its source may have
 * been cut off itself (it has just returned from down), when we have just heard
 * the member ourselves, and when it is about an identity that is newer than the
 * one we know to be active.
 *
 * Everything that can fail (memory, mostly) comes before the first change.
 */
#include "update.h"

#include "accused.h"
#include "ask.h"
#include "cookie.h"
#include "engine.h"
#include "notify.h"
#include "self.h"
#include "send.h"
#include "verdict.h"

/* Two identities in a claim may be too many for a packet whose header has two
 * more: then it goes without the second. */
static shoal_update without_from(const shoal *engine, const shoal_update *claim)
{
    shoal_update shorter = *claim;
    size_t names = identity_id(engine->self).size +
                   members_largest_id(&engine->members) + claim->id.size +
                   claim->from.size;
    if (names + SEND_OVERHEAD > engine->config.max_packet_size)
        shorter.from = (shoal_bytes){0};
    return shorter;
}

int update_queue(shoal *engine, const shoal_update *claim,
                 uint32_t transmissions, struct entry **owner)
{
    uint8_t buffer[MAX_CLAIM];
    size_t size;
    shoal_update fits =
        claim->from.size > 0 ? without_from(engine, claim) : *claim;
    int error = ask_encode_member(engine, &fits, buffer, sizeof buffer, &size);
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
static int gossip_times(shoal *engine, const shoal_update *claim,
                        struct member *about, enum urgency urgency,
                        uint8_t times)
{
    if (urgency == URGENCY_NONE && !engine->config.tell_suspects)
        urgency = URGENCY_NEWS;
    struct entry **queued = member_queued(about);
    int error = update_queue(engine, claim, times, queued);
    if (*queued)
        backlog_hurry(&engine->updates, *queued, urgency);
    return error;
}

static int gossip(shoal *engine, const shoal_update *claim,
                  struct member *about, enum urgency urgency)
{
    return gossip_times(engine, claim, about, urgency,
                        urgency == URGENCY_NONE
                            ? engine_transmissions(engine)
                            : engine_news_transmissions(engine));
}

int update_say_again(shoal *engine, struct member *about,
                     const shoal_update *claim)
{
    return gossip(engine, claim, about, URGENCY_NONE);
}

/* Members that compare what they know find a newcomer in any case, and so it
 * need not be told as often as what nobody asks for. */
static int gossip_join(shoal *engine, const shoal_update *claim,
                       struct member *about)
{
    bool is_found = claim->state == SHOAL_ALIVE && digest_is_on(engine);
    return gossip_times(engine, claim, about, URGENCY_NEWS,
                        is_found ? engine_transmissions(engine)
                                 : engine_news_transmissions(engine));
}

bool update_forget(shoal *engine, struct member *member)
{
    struct who who;
    who_from(&who, member->identity);
    if (!delivery_calls.forget(engine, member))
        return false;
    /* Nobody was ever told of a stranger. */
    if (!member_is_active(member) && member->place != PLACE_STRANGER) {
        if (!notify_reserve(engine, &who, (shoal_bytes){0}, 1))
            return false;
        notify_member(engine, SHOAL_EVENT_MEMBER_FORGOTTEN, member,
                      (shoal_bytes){0});
    }
    suspicion_leave(engine, member, member->state);
    if (member->queued)
        backlog_remove(&engine->updates, &engine->mem, member->queued);
    tags_drop(engine, member);
    delivery_calls.replaced(engine, member->identity, NULL);
    members_remove(&engine->members, &engine->mem, member);
    return true;
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

/* Did it say so itself? Codecs of other systems have no word for it, but then
 * the packet was its own. */
static bool is_departure(const shoal *engine, const shoal_update *claim)
{
    return claim_is_departure(claim) ||
           (claim->state == SHOAL_DOWN &&
            cookie_is_back(engine, claim->id)); /* about its sender */
}

/* Sets state and incarnation; the rest follows from them. */
static void settle(shoal *engine, struct member *member,
                   const shoal_update *claim, bool fresh)
{
    bool was_down = !fresh && member->state == SHOAL_DOWN;
    bool changes = fresh || member->state != claim->state;
    if (changes)
        member->since_us = engine->now_us;
    if (claim->no_tags && !member->tags && claim->state != SHOAL_DOWN)
        member->tags = TAGS_NONE;
    member->doubted = false;
    member->replaced = claim_is_departure(claim) && claim->from.size > 0;
    if (fresh || was_down)
        member->returned = was_down && claim->state != SHOAL_DOWN;
    bool enters = changes || claim->state != SHOAL_DOWN;
    if (enters)
        suspicion_leave(engine, member, claim->state);
    members_set_state(&engine->members, member, claim->state,
                      claim->incarnation, is_departure(engine, claim));
    if (claim->state == SHOAL_DOWN) {
        tags_hush(engine, member);
        delivery_calls.gone(engine, member);
    }
    if (enters)
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
    if (!reserve(engine, &who, tags_bytes(member->tags), claim->state))
        return SHOAL_ERR_NOMEM;
    shoal_state before = member->state;
    bool goes = claim->state == SHOAL_DOWN, was_down = before == SHOAL_DOWN;
    enum urgency urgency = goes       ? URGENCY_NEWS
                           : was_down ? URGENCY_RETURN
                                      : URGENCY_NONE;
    int error = queue ? gossip(engine, claim, member, urgency) : 0;
    if (error)
        return error;
    settle(engine, member, claim, false);
    if (before != (shoal_state)member->state)
        view_changed(engine);
    if (!goes && was_down)
        engine->learned++;
    announce_change(engine, member, !was_down);
    if (before == SHOAL_SUSPECT && member->state == SHOAL_ALIVE)
        notify_member(engine, SHOAL_EVENT_REFUTED, member, (shoal_bytes){0});
    if (before == SHOAL_ALIVE && member->state == SHOAL_SUSPECT &&
        engine->sender.who)
        probe_hint(engine, member);
    return 0;
}

/* Verdicts about members that nobody here ever knew to be alive; so many at the
 * most, lest somebody who makes them up takes the place of the living. */
static uint32_t max_strangers(const shoal *engine)
{
    uint32_t share = engine->config.max_members / 16;
    return share < 16 ? 16 : share;
}

/* Who has to go for another one; NULL: nobody. */
static struct member *superfluous(const shoal *engine,
                                  const shoal_update *claim)
{
    const struct members *members = &engine->members;
    if (claim->state == SHOAL_DOWN &&
        members->down[PLACE_STRANGER].count >= max_strangers(engine))
        return members_oldest(members, PLACE_STRANGER);
    return members->count >= engine->config.max_members
               ? members_oldest_down(members)
               : NULL;
}

static int refuse(shoal *engine, const struct who *who,
                  const shoal_update *claim)
{
    shoal_member view = who_view(who, claim->incarnation, claim->state);
    notify_view(engine, SHOAL_EVENT_FULL, &view);
    return engine_drop(engine, SHOAL_DROP_FULL, SHOAL_ERR_FULL);
}

/* The living go before the dead. */
static int make_room(shoal *engine, const struct who *who,
                     const shoal_update *claim)
{
    struct member *goes = superfluous(engine, claim);
    if (goes)
        return update_forget(engine, goes) ? 0 : SHOAL_ERR_NOMEM;
    if (engine->members.count < engine->config.max_members)
        return 0;
    return refuse(engine, who, claim);
}

/* Others have it where the sender has it from, or find it themselves. */
static bool is_old_news(const shoal *engine, const shoal_update *claim)
{
    return engine->sender.tells && claim->state == SHOAL_ALIVE &&
           digest_is_on(engine);
}

/* Somebody who is new here. 0, or NOT_ADMITTED, counted. */
static int admit(shoal *engine, const struct who *who,
                 const shoal_update *claim, const struct identity *before)
{
    if (admission_is_refused(engine, who))
        return engine_drop(engine, SHOAL_DROP_NOT_ADMITTED,
                           SHOAL_ERR_NOT_ADMITTED);
    shoal_drop why = admission_limit(engine, who, before);
    if (why == SHOAL_NUM_DROPS) {
        if (ask_admit(engine, who))
            return 0;
        admission_refuse(engine, who);
        why = SHOAL_DROP_NOT_ADMITTED;
    }
    shoal_member view = who_view(who, claim->incarnation, SHOAL_ALIVE);
    notify_turned_away(engine, &view, why);
    return engine_drop(engine, why, SHOAL_ERR_NOT_ADMITTED);
}

static int insert(shoal *engine, const struct who *who,
                  const shoal_update *claim, bool queue)
{
    if (claim_is_verdict(claim) && engine->sender.has_returned)
        return 0; /* hearsay about nobody */
    int error = send_check_identity(engine, who->id, false);
    if (error)
        return engine_drop(engine, SHOAL_DROP_TOO_BIG, SHOAL_ERR_IDENTITY);
    error = admit(engine, who, claim, NULL);
    if (error)
        return error;
    error = make_room(engine, who, claim);
    if (error)
        return error;
    if (!reserve(engine, who, (shoal_bytes){0}, claim->state) ||
        !members_reserve(&engine->members, &engine->mem))
        return SHOAL_ERR_NOMEM;
    struct identity *identity = identity_new(&engine->mem, who);
    if (!identity)
        return SHOAL_ERR_NOMEM;
    struct member *member =
        members_insert(&engine->members, identity, claim->state);
    if (queue && !is_old_news(engine, claim))
        error = gossip_join(engine, claim, member);
    if (error) {
        members_remove(&engine->members, &engine->mem, member);
        return error;
    }
    engine->learned++;
    settle(engine, member, claim, true);
    if (member_is_active(member))
        view_changed(engine);
    announce_change(engine, member, false);
    return 0;
}

static int replace(shoal *engine, struct member *member, const struct who *who,
                   const shoal_update *claim, bool queue)
{
    struct identity *before = member->identity;
    int error = admit(engine, who, claim, before);
    if (error)
        return error;
    if (!reserve(engine, who, identity_id(before), claim->state))
        return SHOAL_ERR_NOMEM;
    struct identity *identity = identity_new(&engine->mem, who);
    if (!identity)
        return SHOAL_ERR_NOMEM;
    error = queue ? gossip(engine, claim, member, URGENCY_NEWS) : 0;
    if (error) {
        identity_release(&engine->mem, identity);
        return error;
    }
    bool was_active = member_is_active(member);
    uint16_t incarnation = member->incarnation;
    /* Another identity does not make it know more than it did. */
    bool returned = was_active ? member->returned : member_has_failed(member);
    identity_retain(before);
    tags_drop(engine, member);
    delivery_calls.gone(engine, member);
    members_rename(&engine->members, &engine->mem, member, identity);
    engine->learned++;
    settle(engine, member, claim, true);
    member->returned = returned && member_is_active(member);
    if (was_active || member_is_active(member))
        view_changed(engine);
    notify_rename(engine, member, identity_id(before), was_active, incarnation);
    delivery_calls.replaced(engine, before, member);
    identity_release(&engine->mem, before);
    announce_change(engine, member, was_active);
    return 0;
}

/* A verdict as what it may be: the mistake of somebody who was cut off. */
static shoal_update as_suspicion(const shoal_update *claim)
{
    return (shoal_update){.id = claim->id,
                          .incarnation = claim->incarnation,
                          .state = SHOAL_SUSPECT};
}

/* A verdict by somebody who was cut off lately may be wrong, and so is one
 * about a member that spoke to us after whoever found it down had last asked
 * it. */
static bool is_doubtful(const shoal *engine, const struct member *member)
{
    uint64_t asked_us = suspicion_shortest(engine) / 2; /* ago, or longer */
    return engine->sender.has_returned ||
           (engine->sender.who && engine_heals(engine) &&
            engine->now_us > asked_us &&
            heard_since(engine, engine->now_us - asked_us, member));
}

/* Of two who suspect it others may have heard already of the other one. */
static int pass_on(shoal *engine, const shoal_update *claim,
                   struct member *member)
{
    shoal_update ours = *claim;
    if (suspicion_is_ours(engine, member))
        ours.from = identity_id(engine->self);
    return gossip(engine, &ours, member, URGENCY_NONE);
}

/* Most claims say of a living member what everybody knows. */
static bool is_stale(const struct member *member, const shoal_update *claim)
{
    return claim->state == SHOAL_ALIVE && member->state == SHOAL_ALIVE &&
           claim->incarnation <= member->incarnation;
}

int update_known(shoal *engine, struct member *member,
                 const shoal_update *claim, bool queue)
{
    shoal_update softer;
    if (is_stale(member, claim))
        return 0;
    if (claim_is_verdict(claim) && member_is_active(member) &&
        is_doubtful(engine, member)) {
        softer = as_suspicion(claim);
        claim = &softer;
    }
    if (verdict_yields(engine, member, claim))
        return update_member(engine, member, claim, queue);
    if (!member_is_active(member) && claim->state != SHOAL_DOWN)
        verdict_disputed(engine, member);
    /* Somebody else has come to suspect it too: pass that on. */
    bool confirms = member->state == SHOAL_SUSPECT &&
                    claim->state == SHOAL_SUSPECT &&
                    claim->incarnation == member->incarnation &&
                    suspicion_confirm(engine, member, claim->from);
    return confirms && queue ? pass_on(engine, claim, member) : 0;
}

/* It is about another identity at a known address. */
static int update_address(shoal *engine, struct member *member,
                          const struct who *who, const shoal_update *claim,
                          bool queue)
{
    if (!ask_wins(engine, claim->id, identity_id(member->identity))) {
        if (!member_is_active(member) && claim->state != SHOAL_DOWN)
            verdict_disputed(engine, member);
        return engine_drop(engine, SHOAL_DROP_REPLACED, 0);
    }
    if (!engine_heals(engine) || !claim_is_verdict(claim) ||
        !member_is_active(member))
        return replace(engine, member, who, claim, queue);
    shoal_update softer = as_suspicion(claim);
    return replace(engine, member, who, &softer, queue);
}

int update_apply_to(shoal *engine, const struct who *who,
                    const shoal_update *claim, bool queue)
{
    if (bytes_equal(who->addr, identity_addr(engine->self)))
        return accused_contest(engine, who, claim, queue);
    struct member *member =
        members_find_addr(&engine->members, who->addr, who->addr_hash);
    if (!member)
        return insert(engine, who, claim, queue);
    if (bytes_equal(identity_id(member->identity), claim->id))
        return update_known(engine, member, claim, queue);
    return update_address(engine, member, who, claim, queue);
}

static bool is_about(const shoal_update *claim, const struct member *member)
{
    return member && member->identity &&
           bytes_equal(identity_id(member->identity), claim->id);
}

/* The greatest incarnation is that of a departure, and of nothing else: whoever
 * makes it up for a living one must not have the last word. */
static bool is_beyond(const shoal *engine, const shoal_update *claim)
{
    return claim->incarnation == SHOAL_INCARNATION_LEFT &&
           claim->state != SHOAL_DOWN && engine_heals(engine);
}

static int apply(shoal *engine, const shoal_update *claim, struct member *maybe,
                 bool queue)
{
    if (bytes_equal(claim->id, identity_id(engine->self)))
        return accused_hear(engine, claim, queue);
    if (is_about(claim, maybe))
        return update_known(engine, maybe, claim, queue);
    struct who who;
    int error = ask_who(engine, claim->id, &who);
    if (error)
        return engine_drop(engine, SHOAL_DROP_IDENTITY, error);
    return update_apply_to(engine, &who, claim, queue);
}

int update_apply(shoal *engine, const shoal_update *claim, struct member *maybe,
                 bool queue)
{
    shoal_update highest = *claim;
    highest.incarnation -= is_beyond(engine, claim);
    highest.tags_version = 0; /* they travel on their own */
    highest.tags = (shoal_bytes){0};
    int error = apply(engine, &highest, maybe, queue);
    if (!error && claim->no_tags && is_about(claim, maybe))
        tags_note_none(engine, maybe);
    if (!error && claim->tags_version > 0)
        error = tags_receive(engine, claim);
    if (error == TAGS_OURS)
        self_heard_of_tags(engine, claim->tags_version);
    return error == TAGS_OURS ? 0 : error;
}
