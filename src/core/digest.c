/* SPDX-License-Identifier: MIT */
#include "digest.h"

#include "../wire/wire.h"
#include "engine.h"
#include "send.h"
#include "verdict.h"

/* ---- Whom we know ---- */

uint32_t digest_bucket(shoal_bytes id)
{
    return wire_hash(id) % DIGEST_BUCKETS;
}

static void change(shoal *engine, const struct identity *who, int by)
{
    uint32_t hash = who->wire_hash;
    struct bucket *bucket = &engine->digest.buckets[hash % DIGEST_BUCKETS];
    bucket->digest.members += (uint32_t)by;
    bucket->digest.sum ^= hash;
    bucket->changed_us = engine->now_us;
}

void digest_add(shoal *engine, const struct identity *who)
{
    change(engine, who, 1);
}

void digest_remove(shoal *engine, const struct identity *who)
{
    change(engine, who, -1);
}

/* Has the news of it had the time to reach everybody? */
static bool is_settled(const shoal *engine, const struct bucket *bucket)
{
    return engine->now_us - bucket->changed_us >=
           engine->config.probe_period_us;
}

bool digest_take(shoal *engine, shoal_message kind, uint8_t number,
                 shoal_digest *digest)
{
    const struct bucket *bucket =
        &engine->digest.buckets[number % DIGEST_BUCKETS];
    bool due = kind == SHOAL_MSG_PING
                   ? engine->config.compare_members
                   : kind == SHOAL_MSG_ACK && engine->digest.reply;
    if (kind == SHOAL_MSG_ACK)
        engine->digest.reply = false;
    *digest = bucket->digest;
    return due && is_settled(engine, bucket);
}

/* ---- Whom others know ---- */

static bool same(const shoal_digest *a, const shoal_digest *b)
{
    return a->members == b->members && a->sum == b->sum;
}

/* Once in a fifth of a period at most, however often we are pinged. */
static void tell_bucket(shoal *engine, const struct identity *peer,
                        uint32_t bucket)
{
    struct digest *digest = &engine->digest;
    if (engine->now_us - digest->told_us < engine->config.probe_period_us / 5)
        return;
    digest->told_us = engine->now_us;
    send_bucket(engine, peer, bucket);
}

/* Is that the one that only one side takes for active? If that is them, we know
 * that it is down. */
static bool explains(const struct difference *search,
                     const struct member *member)
{
    bool only_ours = search->ours.members > search->theirs.members;
    uint32_t hash = member->identity->wire_hash;
    return hash == (search->theirs.sum ^ search->ours.sum) &&
           hash % DIGEST_BUCKETS == search->bucket &&
           member_is_active(member) == only_ours;
}

static struct member *look(shoal *engine)
{
    const struct members *members = &engine->members;
    struct difference *search = &engine->digest.search;
    for (uint32_t n = 0; n < DIGEST_SLICE && search->next < members->used;
         n++) {
        struct member *member = members_live(members, search->next++);
        if (member && explains(search, member))
            return member;
    }
    return NULL;
}

/* A verdict travels as a suspicion: the peer may be right, and the one
 * concerned can refute it, of which it is told. One that we doubt ourselves
 * does not. */
static void tell_difference(shoal *engine, const struct member *member)
{
    shoal_update claim = member_claim(member);
    if (engine_heals(engine) && member_has_failed(member)) {
        verdict_tell(engine, member);
        claim.state = SHOAL_SUSPECT;
    }
    if (!member->doubted)
        send_claim(engine, engine->digest.search.peer, &claim);
}

void digest_tick(shoal *engine)
{
    struct difference *search = &engine->digest.search;
    if (!search->peer)
        return;
    if (engine->connection != SHOAL_CONNECTION_ACTIVE ||
        !same(&search->ours, &engine->digest.buckets[search->bucket].digest)) {
        digest_clear(engine);
        return;
    }
    const struct member *member = look(engine);
    if (member)
        tell_difference(engine, member);
    else if (search->next < engine->members.used)
        return;
    else if (search->ours.members > search->theirs.members)
        tell_bucket(engine, search->peer, search->bucket);
    digest_clear(engine);
}

void digest_clear(shoal *engine)
{
    identity_release(&engine->mem, engine->digest.search.peer);
    engine->digest.search.peer = NULL;
}

void digest_compare(shoal *engine, struct identity *peer,
                    const shoal_header *header)
{
    struct digest *digest = &engine->digest;
    uint32_t at = header->number % DIGEST_BUCKETS;
    const struct bucket *bucket = &digest->buckets[at];
    if (!engine->config.compare_members || digest->search.peer ||
        !is_settled(engine, bucket) || same(&bucket->digest, &header->digest))
        return;
    int64_t more = (int64_t)bucket->digest.members - header->digest.members;
    digest->reply = header->kind == SHOAL_MSG_PING;
    if (more == 1 || more == -1) {
        digest->search = (struct difference){.peer = identity_retain(peer),
                                             .theirs = header->digest,
                                             .ours = bucket->digest,
                                             .bucket = at};
        digest_tick(engine);
    } else if (more >= 0)
        tell_bucket(engine, peer, at);
}
