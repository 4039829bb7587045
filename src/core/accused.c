/* SPDX-License-Identifier: MIT */
/*
 * What others say about us.
 *
 * About ourselves we alone decide, with the incarnation (SWIM 4.2):
 *
 *   "suspect, i", "down, i"   i is not older than ours: ours becomes i + 1, and
 *                             we say so; else we say again what we are
 *   as high as can be         a new identity
 *
 * and who gets the traffic owns the address: a packet or a claim about another
 * identity of our address is answered with who we are. If that one would win,
 * because our clock was behind or somebody else had the address, we first
 * become one that wins against it.
 *
 * Where verdicts cannot be refuted (engine_heals()) "down" means a new
 * identity, and a newer one of our address is only reported.
 */
#include "accused.h"

#include "ask.h"
#include "engine.h"
#include "notify.h"
#include "self.h"
#include "send.h"
#include "verdict.h"

/* The highest from which there is a next one; the one after it is no living
 * member's. */
enum { LAST_REFUTABLE = SHOAL_INCARNATION_LEFT - 2 };

/* ---- Who says so ---- */

/* The same packet may say so, as that of somebody who says good-bye does. */
static bool has_left(const shoal *engine, const struct who *who)
{
    const struct member *member =
        members_find_id(&engine->members, who->id, who->hash);
    return member && member_has_left(member);
}

/* Whoever hears of us from ourselves need not be told by others; and its feed
 * shows whom we have missed. */
static void greet_sender(shoal *engine)
{
    const struct who *sender = engine->sender.who;
    if (sender && !has_left(engine, sender) &&
        engine_may_again(engine, COMMON_GREETING, engine->config.probe_rtt_us))
        send_bare(engine, sender, SHOAL_MSG_ANNOUNCE, 0);
}

/* Is that the word of somebody who can know? A down one can, when we hold more
 * for dead than for alive: then it may well be us who were cut off. */
static bool is_credible(const shoal *engine)
{
    const struct members *members = &engine->members;
    if (!engine->sender.who)
        return false;
    return engine->sender.is_active ||
           members->down[PLACE_FAILED].count >= members->active.count;
}

/* It costs a look at everybody, so not for each of many accusations. */
static void doubt(shoal *engine)
{
    if (is_credible(engine) &&
        engine_may_again(engine, COMMON_DOUBT, engine->config.probe_rtt_us))
        verdict_doubt_all(engine);
}

/* ---- Our own identity ---- */

static int queue_alive(shoal *engine, uint16_t incarnation,
                       enum urgency urgency)
{
    shoal_update claim = {.id = identity_id(engine->self),
                          .incarnation = incarnation,
                          .state = SHOAL_ALIVE,
                          .no_tags = engine_tags(engine) == TAGS_NONE};
    return self_queue_claim(engine, &claim, urgency);
}

/* Whoever says so has not heard, or it would not say so. */
static int say_again(shoal *engine, bool queue)
{
    if (!queue ||
        !engine_may_again(engine, COMMON_AGAIN, engine->config.probe_rtt_us))
        return 0;
    int error = engine->queued
                    ? 0
                    : queue_alive(engine, engine->incarnation, URGENCY_NONE);
    if (!error)
        send_gossip(engine, engine->config.num_indirect_probes);
    return error;
}

/* That we had been down for others, and are not any more: once for each
 * verdict, however many of them still tell it. 0 or NOMEM. */
static int report_return(shoal *engine, const shoal_update *claim)
{
    struct who self;
    who_from(&self, engine->self);
    if (claim->state != SHOAL_DOWN || claim->incarnation < engine->next_verdict)
        return 0;
    if (!notify_reserve(engine, &self, (shoal_bytes){0}, 1))
        return SHOAL_ERR_NOMEM;
    engine->next_verdict = claim->incarnation + 1u;
    notify_self(engine, SHOAL_EVENT_RETURNED);
    return 0;
}

/* At once, but however many accuse us, and however high, not more often than
 * that: what is left waits for the packets that go out anyway. */
static void gossip_refutation(shoal *engine)
{
    if (engine_may_again(engine, COMMON_GOSSIP, engine->config.probe_rtt_us))
        send_gossip(engine, engine->config.num_indirect_probes);
}

/* "Suspect, i" is refuted by "alive, i + 1", and where it can be, so is "down,
 * i". */
static int refute(shoal *engine, const shoal_update *claim, bool queue)
{
    uint16_t incarnation = claim->incarnation + 1;
    bool was_down = claim->state == SHOAL_DOWN;
    struct who self;
    who_from(&self, engine->self);
    if (!notify_reserve(engine, &self, (shoal_bytes){0}, 2))
        return SHOAL_ERR_NOMEM;
    enum urgency urgency = was_down ? URGENCY_RETURN : URGENCY_NONE;
    int error = queue ? queue_alive(engine, incarnation, urgency) : 0;
    if (error)
        return error;
    engine->incarnation = incarnation;
    engine->stats.refutations++;
    engine->accused_us = engine->now_us;
    health_change(engine, 1);
    notify_self(engine, SHOAL_EVENT_REFUTED);
    if (engine_heals(engine))
        (void)report_return(engine, claim); /* there is room */
    if (queue)
        gossip_refutation(engine);
    return 0;
}

/* Once in a period, or whoever forges such claims makes us change for ever. */
static int renew(shoal *engine, bool queue)
{
    if (engine->renewed_us != SHOAL_NEVER &&
        engine->now_us - engine->renewed_us < engine->config.probe_period_us)
        return 0;
    return self_declared_down(engine, queue);
}

static int answer_accusation(shoal *engine, const shoal_update *claim,
                             bool queue)
{
    bool is_last = claim->incarnation > LAST_REFUTABLE;
    if (!is_last && claim->incarnation < engine->incarnation) {
        int error = report_return(engine, claim);
        return error ? error : say_again(engine, queue);
    }
    int error = is_last ? renew(engine, queue) : refute(engine, claim, queue);
    if (!error && (is_last || claim->state == SHOAL_DOWN))
        doubt(engine);
    return error;
}

/* As in plain SWIM, down is final. */
static int hear_plainly(shoal *engine, const shoal_update *claim, bool queue)
{
    if (claim->state == SHOAL_DOWN)
        return self_declared_down(engine, queue);
    if (claim->incarnation < engine->incarnation)
        return say_again(engine, queue);
    if (claim->incarnation == SHOAL_MAX_INCARNATION)
        return self_declared_down(engine, queue);
    return refute(engine, claim, queue);
}

int accused_hear(shoal *engine, const shoal_update *claim, bool queue)
{
    if (engine->connection == SHOAL_CONNECTION_DEFUNCT ||
        claim->state == SHOAL_ALIVE) /* only we can say that, and we do */
        return 0;
    if (!engine_heals(engine))
        return hear_plainly(engine, claim, queue);
    int error = answer_accusation(engine, claim, queue);
    if (!error)
        greet_sender(engine);
    return error;
}

/* From a system that knows of no other way, or from one that has not heard that
 * we refuted: then a new identity helps. After a partition, the announce is the
 * bridge. */
int accused_turn_undead(shoal *engine, struct identity *sender)
{
    const uint64_t memory_us = 10 * engine->config.probe_period_us;
    uint64_t renewals = engine->stats.renewals;
    shoal_update claim = {.id = identity_id(engine->self),
                          .incarnation = engine->incarnation,
                          .state = SHOAL_DOWN};
    bool refutes =
        engine_heals(engine) &&
        engine_may(engine, LIMIT_UNDEAD, sender->addr_hash, memory_us);
    if (refutes)
        return accused_hear(engine, &claim, true);
    int error = engine_heals(engine) ? renew(engine, true)
                                     : self_declared_down(engine, true);
    if (error || engine->stats.renewals == renewals)
        return error;
    struct who to;
    who_from(&to, sender);
    send_bare(engine, &to, SHOAL_MSG_ANNOUNCE, 0);
    return 0;
}

/* ---- Our address ---- */

/* Somebody takes `who` for us. */
static void report_conflict(shoal *engine, const struct who *who,
                            uint16_t incarnation, uint8_t state)
{
    shoal_member view = who_view(who, incarnation, state);
    engine->stats.conflicts++;
    notify_conflict(engine, &view);
}

static uint64_t patience(const shoal *engine)
{
    return engine->config.probe_period_us << engine->ownership.in_a_row;
}

/* Somebody has taken the address again and again; with a wait that doubles, two
 * who both get traffic for it do not chase each other. */
static bool is_too_soon(const shoal *engine)
{
    return engine->ownership.at_us != SHOAL_NEVER &&
           engine->now_us - engine->ownership.at_us < patience(engine);
}

static void count_taking(shoal *engine)
{
    enum { MOST_DOUBLINGS = 6, PEACE = 4 };
    uint64_t *at_us = &engine->ownership.at_us;
    uint8_t *in_a_row = &engine->ownership.in_a_row;
    if (*at_us == SHOAL_NEVER ||
        engine->now_us - *at_us >= PEACE * patience(engine))
        *in_a_row = 0;
    else if (*in_a_row < MOST_DOUBLINGS)
        (*in_a_row)++;
    *at_us = engine->now_us;
}

/* Becomes one that wins against `rival`. */
static int take_back(shoal *engine, shoal_bytes rival)
{
    if (is_too_soon(engine))
        return 0;
    count_taking(engine);
    int error = self_renew(engine, rival, true);
    if (error == SHOAL_ERR_LOSES) /* there is no such: it was reported */
        return 0;
    if (error)
        return error;
    doubt(engine);
    greet_sender(engine); /* its feed was for who we were */
    return 0;
}

/* "I am": whoever spoke to somebody else hears who is here, and if that one
 * beats us, says so. */
static void say_who_is_here(shoal *engine, bool was_pinged, uint8_t number)
{
    const struct who *sender = engine->sender.who;
    if (!sender || !engine_may(engine, LIMIT_ANSWER, sender->addr_hash,
                               engine->config.probe_rtt_us))
        return;
    if (was_pinged)
        send_bare(engine, sender, SHOAL_MSG_ACK, number);
    else
        send_bare_gossip(engine, sender, NULL);
}

int accused_overhear(shoal *engine, shoal_bytes dst)
{
    struct who who;
    if (dst.size == 0 || engine->connection == SHOAL_CONNECTION_DEFUNCT ||
        !ask_wins(engine, dst, identity_id(engine->self)) ||
        ask_who(engine, dst, &who) != 0)
        return 0;
    report_conflict(engine, &who, 0, SHOAL_ALIVE);
    return engine_heals(engine) ? take_back(engine, dst) : 0;
}

void accused_answer(shoal *engine, const shoal_header *header)
{
    if (engine_heals(engine) && engine->connection != SHOAL_CONNECTION_DEFUNCT)
        say_who_is_here(engine, header->kind == SHOAL_MSG_PING, header->number);
}

/* Two live members with one address would answer each other for ever with newer
 * identities: once in a period is enough. */
static int contest_plainly(shoal *engine, const struct who *who,
                           const shoal_update *claim, bool queue)
{
    if (claim->state == SHOAL_DOWN)
        return 0; /* settled */
    report_conflict(engine, who, claim->incarnation, claim->state);
    bool lately =
        engine->conflict_us != SHOAL_NEVER &&
        engine->now_us - engine->conflict_us < engine->config.probe_period_us;
    bool busy = engine->queued && engine->queued_is_self;
    if (lately || busy || !queue ||
        engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return 0;
    engine->conflict_us = engine->now_us;
    shoal_update down = {
        .id = who->id, .incarnation = claim->incarnation, .state = SHOAL_DOWN};
    return self_queue_claim(engine, &down, URGENCY_NEWS);
}

int accused_contest(shoal *engine, const struct who *who,
                    const shoal_update *claim, bool queue)
{
    if (!engine_heals(engine))
        return contest_plainly(engine, who, claim, queue);
    if (engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return 0;
    int error = 0;
    if (ask_wins(engine, who->id, identity_id(engine->self))) {
        report_conflict(engine, who, claim->incarnation, claim->state);
        error = take_back(engine, who->id);
    } else if (claim->state == SHOAL_DOWN) {
        return 0; /* settled */
    }
    if (!error)
        say_who_is_here(engine, false, 0);
    return error;
}
