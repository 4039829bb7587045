/* SPDX-License-Identifier: MIT */
/* What others say about us, and being somebody else. */
#include "engine.h"

enum { MAX_EVENTS = 4 };

static bool reserve_events(shoal *engine, const struct who *who)
{
    return notify_reserve(engine, who, (shoal_bytes){0}, MAX_EVENTS);
}

/* Queues a claim about our address, instead of the one that waits. */
static int queue_claim(shoal *engine, shoal_bytes id, uint16_t incarnation,
                       shoal_state state, bool is_self)
{
    shoal_update claim = {
        .id = id, .incarnation = incarnation, .state = (uint8_t)state};
    bool refutes = state == SHOAL_ALIVE;
    uint8_t times = refutes ? engine_transmissions(engine)
                            : engine_news_transmissions(engine);
    int error = update_queue(engine, &claim, times, &engine->queued);
    if (error)
        return error;
    engine->queued_is_self = is_self;
    if (engine->queued && !(refutes && engine->config.tell_suspects))
        backlog_hurry(&engine->updates, engine->queued);
    return 0;
}

static void become_defunct(shoal *engine)
{
    engine->connection = SHOAL_CONNECTION_DEFUNCT;
    engine->since_us = engine->now_us;
    probe_disarm(engine);
    engine_stop_tasks(engine);
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
                              .incarnation = member->incarnation,
                              .state = SHOAL_DOWN};
        int error = update_member(engine, member, &claim, false);
        if (error)
            return error;
    }
    update_forget(engine, member);
    return 0;
}

/* Takes on an identity and tells some members at once that the old one is
 * down: the packets that say so come from the new one. */
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
        error = queue_claim(engine, identity_id(engine->self),
                            engine->incarnation, SHOAL_DOWN, false);
    if (error) {
        identity_release(&engine->mem, identity);
        return error;
    }
    digest_remove(engine, engine->self);
    identity_release(&engine->mem, engine->self);
    engine->self = identity;
    digest_add(engine, identity);
    engine->queued_is_self = false;
    engine->incarnation = 0;
    engine->since_us = engine->now_us;
    probe_abandon(engine);
    return 0;
}

int self_declared_down(shoal *engine, bool queue)
{
    if (engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return 0;
    uint8_t buffer[SHOAL_MAX_IDENTITY];
    struct who who;
    if (!ask_renew(engine, buffer, &who)) {
        who_from(&who, engine->self);
        if (!reserve_events(engine, &who))
            return SHOAL_ERR_NOMEM;
        if (engine->queued) /* nobody would believe it */
            backlog_remove(&engine->updates, &engine->mem, engine->queued);
        become_defunct(engine);
        return 0;
    }
    int error = become(engine, &who, queue);
    if (error)
        return error;
    engine->stats.renewals++;
    notify_self(engine, SHOAL_EVENT_REJOIN);
    if (queue)
        send_gossip(engine, engine->config.num_indirect_probes);
    return 0;
}

/* "Suspect, i" is refuted by "alive, i + 1" (SWIM 4.2). */
static int refute(shoal *engine, uint16_t suspected, bool queue)
{
    if (suspected < engine->incarnation)
        return 0; /* was refuted already */
    if (suspected == SHOAL_MAX_INCARNATION)
        return self_declared_down(engine, queue);
    uint16_t incarnation = suspected + 1;
    int error = queue ? queue_claim(engine, identity_id(engine->self),
                                    incarnation, SHOAL_ALIVE, true)
                      : 0;
    if (error)
        return error;
    engine->incarnation = incarnation;
    engine->stats.refutations++;
    health_change(engine, 1);
    notify_self(engine, SHOAL_EVENT_REFUTED);
    if (queue)
        send_gossip(engine, engine->config.num_indirect_probes);
    return 0;
}

int self_hear(shoal *engine, const shoal_update *claim, bool queue)
{
    if (engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return 0;
    switch ((shoal_state)claim->state) {
    case SHOAL_ALIVE:
        return 0; /* only we can say that, and we do */
    case SHOAL_SUSPECT:
        return refute(engine, claim->incarnation, queue);
    case SHOAL_DOWN:
        return self_declared_down(engine, queue);
    }
    return 0;
}

/* Somebody takes `who` for us. */
static void tell_conflict(shoal *engine, const struct who *who,
                          uint16_t incarnation, uint8_t state)
{
    shoal_member view = {.id = who->id,
                         .addr = who->addr,
                         .endpoint = who->endpoint,
                         .incarnation = incarnation,
                         .state = state};
    engine->stats.conflicts++;
    notify_view(engine, SHOAL_EVENT_CONFLICT, &view);
}

void self_overhear(shoal *engine, shoal_bytes dst)
{
    struct who who;
    if (engine->connection != SHOAL_CONNECTION_DEFUNCT &&
        ask_who(engine, dst, &who) == 0 &&
        bytes_equal(who.addr, identity_addr(engine->self)) &&
        ask_wins(engine, dst, identity_id(engine->self)))
        tell_conflict(engine, &who, 0, SHOAL_ALIVE);
}

int self_contest(shoal *engine, const struct who *who,
                 const shoal_update *claim, bool queue)
{
    if (claim->state == SHOAL_DOWN)
        return 0; /* settled */
    tell_conflict(engine, who, claim->incarnation, claim->state);
    /* Two live members with one address would answer each other for ever with
     * newer identities: once in a period is enough. */
    bool lately =
        engine->conflict_us != SHOAL_NEVER &&
        engine->now_us - engine->conflict_us < engine->config.probe_period_us;
    bool busy = engine->queued && engine->queued_is_self;
    if (lately || busy || !queue ||
        engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return 0;
    engine->conflict_us = engine->now_us;
    return queue_claim(engine, who->id, claim->incarnation, SHOAL_DOWN, false);
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
    shoal_update claim = {
        .id = who.id, .incarnation = engine->incarnation, .state = SHOAL_DOWN};
    error = update_queue(engine, &claim, fanout, &engine->queued);
    if (error)
        return engine_leave(engine, error);
    send_gossip(engine, fanout);
    become_defunct(engine);
    return engine_leave(engine, 0);
}

static void come_back(shoal *engine)
{
    if (engine->connection != SHOAL_CONNECTION_DEFUNCT)
        return;
    engine->connection = SHOAL_CONNECTION_IDLE;
    engine->since_us = engine->now_us;
    engine_update_connection(engine);
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
    come_back(engine);
    return engine_leave(engine, 0);
}
