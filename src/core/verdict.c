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
 * it has left for us, which may be as wrong about which a digest differs
 * verdict_tell()
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

/* A sender that disputes its own is answered in any case. */
void verdict_disputed(shoal *engine, const struct member *member)
{
    const struct who *sender = engine->sender.who;
    if (sender && engine->sender.told < MAX_DISPUTES &&
        !bytes_equal(sender->addr, identity_addr(member->identity)))
        engine->sender.told += verdict_tell(engine, member);
}

/* Nobody is told any more of what we may have been wrong about. */
static void doubt(shoal *engine, struct member *member)
{
    if (!member_has_failed(member))
        return;
    member->doubted = true;
    if (member->queued)
        backlog_remove(&engine->updates, &engine->mem, member->queued);
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
