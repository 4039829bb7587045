/* SPDX-License-Identifier: MIT */
/* Who we are: being somebody else, being nobody any more. */
#include "self.h"

#include "ask.h"
#include "engine.h"
#include "notify.h"
#include "send.h"
#include "update.h"

enum { MAX_EVENTS = 4 };

static bool reserve_events(shoal *engine, const struct who *who)
{
    return notify_reserve(engine, who, (shoal_bytes){0}, MAX_EVENTS);
}

int self_queue_claim(shoal *engine, const shoal_update *claim,
                     enum urgency urgency)
{
    uint8_t times = urgency == URGENCY_NONE ? engine_transmissions(engine)
                                            : engine_news_transmissions(engine);
    if (urgency == URGENCY_NONE && !engine->config.tell_suspects)
        urgency = URGENCY_NEWS;
    int error = update_queue(engine, claim, times, &engine->queued);
    if (error)
        return error;
    engine->queued_is_self = bytes_equal(claim->id, identity_id(engine->self));
    if (engine->queued)
        backlog_hurry(&engine->updates, engine->queued, urgency);
    return 0;
}

/* Our own last word about `identity`, and who we are now, if that is at another
 * address. */
static shoal_update departure(const shoal *engine,
                              const struct identity *identity, shoal_bytes now)
{
    bool has_word = engine->handlers.codec.lifeguard;
    return (shoal_update){.id = identity_id(identity),
                          .incarnation = has_word ? SHOAL_INCARNATION_LEFT
                                                  : engine->incarnation,
                          .state = SHOAL_DOWN,
                          .from = now};
}

static void become_defunct(shoal *engine)
{
    engine->connection = SHOAL_CONNECTION_DEFUNCT;
    engine->since_us = engine->now_us;
    view_changed(engine);
    probe_disarm(engine);
    tasks_stop(&engine->tasks);
    notify_self(engine, SHOAL_EVENT_DEFUNCT);
}

/* A member whose address we take is no other member any more. */
static int take_address(shoal *engine, const struct who *who)
{
    struct member *member =
        members_find_addr(&engine->members, who->addr, who->addr_hash);
    if (!member)
        return 0;
    if (member_is_active(member)) {
        shoal_update claim = {.id = identity_id(member->identity),
                              .incarnation = SHOAL_INCARNATION_LEFT,
                              .state = SHOAL_DOWN,
                              .from = who->id};
        int error = update_member(engine, member, &claim, false);
        if (error)
            return error;
    }
    return update_forget(engine, member) ? 0 : SHOAL_ERR_NOMEM;
}

static bool has_our_address(const shoal *engine, const struct who *who)
{
    return bytes_equal(who->addr, identity_addr(engine->self));
}

/* Who we were at another address is nobody any more, whatever anybody says. */
static int keep_former_self(shoal *engine, struct identity *before)
{
    struct who who;
    who_from(&who, before);
    if (has_our_address(engine, &who))
        return 0;
    shoal_update claim = departure(engine, before, identity_id(engine->self));
    int error = update_apply_to(engine, &who, &claim, false);
    struct member *member = members_find_id(&engine->members, who.id, who.hash);
    if (member) /* or verdicts that somebody makes up would push it out */
        members_let_go(&engine->members, member);
    return error == SHOAL_ERR_FULL ? 0 : error; /* was counted */
}

static int tell_of_departure(shoal *engine, const struct who *who)
{
    bool moves = !has_our_address(engine, who);
    shoal_update claim =
        departure(engine, engine->self, moves ? who->id : (shoal_bytes){0});
    return self_queue_claim(engine, &claim, URGENCY_NEWS);
}

/* Takes on an identity and tells some members at once that the old one is no
 * more: the packets that say so come from the new one. */
static int become(shoal *engine, const struct who *who, bool queue)
{
    struct identity *identity = identity_new(&engine->mem, who);
    if (!identity)
        return SHOAL_ERR_NOMEM;
    struct who taken; /* `who` may borrow from the member that goes */
    who_from(&taken, identity);
    int error = take_address(engine, &taken);
    if (!error && !reserve_events(engine, &taken))
        error = SHOAL_ERR_NOMEM;
    if (!error && queue)
        error = tell_of_departure(engine, &taken);
    if (error) {
        identity_release(&engine->mem, identity);
        return error;
    }
    struct identity *before = engine->self;
    engine->self = identity;
    delivery_calls.renewed(engine, before);
    digest_touch(engine, before);
    digest_touch(engine, identity);
    engine->queued_is_self = false;
    engine->incarnation = 0;
    tags_say_again(engine);
    engine->next_verdict = 0;
    engine->since_us = engine->now_us;
    view_changed(engine);
    probe_abandon(engine);
    error = keep_former_self(engine, before);
    if (error) /* without it hearsay may bring it back for a while */
        engine_note(engine, error);
    identity_release(&engine->mem, before);
    return 0;
}

int self_renew(shoal *engine, shoal_bytes adversary, bool queue)
{
    uint8_t buffer[SHOAL_MAX_IDENTITY];
    struct who who;
    if (!ask_renew(engine, adversary, buffer, &who))
        return SHOAL_ERR_LOSES;
    int error = become(engine, &who, queue);
    if (error)
        return error;
    engine->renewed_us = engine->now_us;
    engine->stats.renewals++;
    notify_self(engine, SHOAL_EVENT_REJOIN);
    if (queue)
        send_gossip(engine, engine->config.num_indirect_probes);
    return 0;
}

void self_heard_of_tags(shoal *engine, uint64_t version)
{
    if (!tags_exceed(engine, version) &&
        self_renew(engine, (shoal_bytes){0}, true) == 0)
        tags_begin_anew(engine);
}

int self_declared_down(shoal *engine, bool queue)
{
    if (engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return 0;
    int error = self_renew(engine, (shoal_bytes){0}, queue);
    if (error != SHOAL_ERR_LOSES)
        return error;
    struct who who;
    who_from(&who, engine->self);
    if (!reserve_events(engine, &who))
        return SHOAL_ERR_NOMEM;
    if (engine->queued) /* nobody would believe it */
        backlog_remove(&engine->updates, &engine->mem, engine->queued);
    become_defunct(engine);
    return 0;
}

/* ---- Entry points ---- */

int shoal_leave(shoal *engine, uint64_t now_us)
{
    int error = engine_enter(engine, now_us);
    if (error || engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return error;
    struct who who;
    who_from(&who, engine->self);
    if (!reserve_events(engine, &who))
        return engine_leave(engine, SHOAL_ERR_NOMEM);
    /* Our last word: the transmissions it is worth are spent at once, and every
     * packet says it. */
    uint32_t fanout = engine_news_transmissions(engine);
    if (fanout < engine->config.num_indirect_probes)
        fanout = engine->config.num_indirect_probes;
    shoal_update claim = departure(engine, engine->self, (shoal_bytes){0});
    error = update_queue(engine, &claim, fanout, &engine->queued);
    if (error)
        return engine_leave(engine, error);
    send_gossip(engine, fanout);
    engine->has_left = true;
    become_defunct(engine);
    return engine_leave(engine, 0);
}

int shoal_leave_to(shoal *engine, uint64_t now_us, shoal_bytes id)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    struct who to;
    error = ask_who(engine, id, &to);
    if (error || !engine->has_left || has_our_address(engine, &to))
        return engine_leave(engine, error);
    shoal_update claim = departure(engine, engine->self, (shoal_bytes){0});
    send_bare_gossip(engine, &to, &claim);
    return engine_leave(engine, 0);
}

static void come_back(shoal *engine)
{
    if (engine->connection != SHOAL_CONNECTION_DEFUNCT)
        return;
    engine->connection = SHOAL_CONNECTION_IDLE;
    engine->has_left = false;
    engine->since_us = engine->now_us;
    view_changed(engine);
    engine_update_connection(engine);
    tasks_begin_idle(engine);
}

/* Would anybody believe it? */
static int check_new_identity(shoal *engine, const struct who *who)
{
    struct member *other =
        members_find_addr(&engine->members, who->addr, who->addr_hash);
    if (other && member_is_active(other))
        return SHOAL_ERR_ADDRESS_IN_USE;
    const struct identity *before = has_our_address(engine, who) ? engine->self
                                    : other ? other->identity
                                            : NULL;
    int error =
        before ? ask_check_wins(engine, who->id, identity_id(before)) : 0;
    return error ? error : send_check_identity(engine, who->id, true);
}

int shoal_change_identity(shoal *engine, uint64_t now_us, shoal_bytes id)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    if (bytes_equal(id, identity_id(engine->self)))
        return engine_leave(engine, SHOAL_ERR_SAME_IDENTITY);
    struct who who;
    error = ask_who(engine, id, &who);
    if (!error)
        error = check_new_identity(engine, &who);
    if (!error)
        error = become(engine, &who, true);
    if (error)
        return engine_leave(engine, error);
    come_back(engine);
    send_gossip(engine, engine->config.num_indirect_probes);
    return engine_leave(engine, 0);
}

int shoal_reuse_down_identity(shoal *engine, uint64_t now_us)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    if (engine->connection != SHOAL_CONNECTION_DEFUNCT)
        return engine_leave(engine, SHOAL_ERR_NOT_DEFUNCT);
    struct who who;
    who_from(&who, engine->self);
    if (!reserve_events(engine, &who))
        return engine_leave(engine, SHOAL_ERR_NOMEM);
    if (engine->queued) /* it says that we are down */
        backlog_remove(&engine->updates, &engine->mem, engine->queued);
    engine->incarnation = 0;
    engine->next_verdict = 0;
    come_back(engine);
    return engine_leave(engine, 0);
}
