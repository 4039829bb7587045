/* SPDX-License-Identifier: MIT */
/*
 * What we believe of others, told to them, and taken back.
 *
 * A verdict ("down, i") can be refuted by the one it is about, with an
 * incarnation that only that one makes; so whoever is down here is told so: by
 * a *verdict packet*, a gossip with that claim and nothing else. It goes to a
 * member
 *
 *   that has just been declared down            verdict_tell()
 *   that is down here, and sends us something   verdict_answer()
 *   whose address belongs to a newer identity   verdict_answer(): the claim is
 *                                               about that one
 *   that others take for alive                  verdict_disputed(): also when
 *                                               it has left for us, which may
 *                                               be as wrong
 *
 * once in a probe period, or a bit more often in answer to its own packets.
 */
#include "verdict.h"

#include "ask.h"
#include "engine.h"
#include "send.h"

enum { MAX_DISPUTES = 2 /* that one packet may cause */ };

static void tell(shoal *engine, const struct who *to,
                 const struct member *about)
{
    shoal_update claim = member_claim(about);
    send_bare_gossip(engine, to, &claim);
}

void verdict_answer(shoal *engine, const struct who *to)
{
    const struct member *member =
        members_find_addr(&engine->members, to->addr, to->addr_hash);
    uint64_t every_us = engine->config.probe_rtt_us / 10;
    if (member && engine_may(engine, LIMIT_DIRECT, to->addr_hash, every_us))
        tell(engine, to, member);
}

bool verdict_tell(shoal *engine, const struct member *member)
{
    const struct identity *identity = member->identity;
    if (!engine_heals(engine) ||
        engine->connection == SHOAL_CONNECTION_DEFUNCT ||
        !engine_may(engine, LIMIT_VERDICT, identity->addr_hash,
                    engine->config.probe_period_us))
        return false;
    struct who to;
    who_from(&to, identity);
    tell(engine, &to, member);
    return true;
}

/* In an exchange whoever disputes it hears of it: as a suspicion, which the one
 * concerned can refute, for the other one may be right. A departure is final;
 * of what we doubt ourselves nobody hears. */
static void answer_dispute(shoal *engine, const struct member *member)
{
    shoal_update claim = member_claim(member);
    if (member->doubted)
        return;
    if (engine_heals(engine) && member_has_failed(member))
        claim.state = SHOAL_SUSPECT;
    send_bare_gossip(engine, engine->sender.who, &claim);
}

/* A sender that disputes its own is answered in any case. */
void verdict_disputed(shoal *engine, const struct member *member)
{
    const struct who *sender = engine->sender.who;
    if (!sender || engine->sender.disputes == MAX_DISPUTES ||
        bytes_equal(sender->addr, identity_addr(member->identity)))
        return;
    bool told = verdict_tell(engine, member);
    if (engine->sender.exchanges)
        answer_dispute(engine, member);
    engine->sender.disputes += told || engine->sender.exchanges;
}

/* Nobody is told any more of what we may have been wrong about. */
static void doubt(shoal *engine, struct member *member)
{
    if (!member_has_failed(member))
        return;
    member->doubted = true;
    struct entry *queued = *member_queued(member);
    if (queued)
        backlog_remove(&engine->updates, &engine->mem, queued);
}

void verdict_doubt_all(shoal *engine)
{
    const struct members *members = &engine->members;
    engine->doubted_us = engine->now_us;
    suspicion_restart_all(engine);
    for (uint32_t slot = 0; slot < members->used; slot++) {
        struct member *member = members_live(members, slot);
        if (member)
            doubt(engine, member);
    }
}

bool verdict_yields(const shoal *engine, struct member *member,
                    const shoal_update *claim)
{
    if (member->doubted &&
        engine->now_us - engine->doubted_us >= suspicion_longest(engine))
        member->doubted = false;
    return member_overrides(member, claim, !engine_heals(engine));
}
