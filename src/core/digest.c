/* SPDX-License-Identifier: MIT */
#include "digest.h"

#include "engine.h"

enum {
    EVERY = 4 /* pings, and periods, between two about a single bucket */
};

bool digest_is_on(const shoal *engine)
{
    return engine->config.compare_members && engine->handlers.codec.lifeguard;
}

uint32_t digest_own_part(const shoal *engine, struct cell cell)
{
    uint32_t hash = engine->self->wire_hash;
    return cell_has(cell, hash)
               ? cells_part(hash, tags_version(engine->own_tags.said))
               : 0;
}

void digest_touch(shoal *engine, const struct identity *who)
{
    engine->members.cells.touched |=
        (uint8_t)(1 << cell_bucket(who->wire_hash));
}

void digest_note_changes(shoal *engine, bool is_news)
{
    struct cells *cells = &engine->members.cells;
    for (uint32_t i = 0; cells->touched != 0 && is_news && i < CELLS_BUCKETS;
         i++)
        if (cells->touched >> i & 1)
            engine->digest.buckets[i].changed_us = engine->now_us;
    if (cells->touched && is_news) {
        engine->digest.changed_us = engine->now_us;
        engine->round.quiet = 0;
    }
    cells->touched = 0;
}

/* Has the news of then had the time to reach everybody? */
static bool is_past(const shoal *engine, uint64_t changed_us)
{
    return engine->now_us - changed_us >= engine->config.probe_period_us / 2;
}

static bool is_settled(const shoal *engine, uint32_t bucket)
{
    return is_past(engine, engine->digest.buckets[bucket].changed_us);
}

static uint8_t settled(const shoal *engine)
{
    uint8_t mask = 0;
    if (is_past(engine, engine->digest.changed_us)) /* mostly */
        return DIGEST_ALL;
    for (uint32_t i = 0; i < CELLS_BUCKETS; i++)
        mask |= (uint8_t)(is_settled(engine, i) << i);
    return mask;
}

static shoal_digest digest_of(const shoal *engine, uint8_t mask)
{
    const struct cells *cells = &engine->members.cells;
    uint32_t own = engine->self->wire_hash;
    shoal_digest digest = {.without = (uint8_t)~mask};
    if (mask == DIGEST_ALL) {
        digest.members = engine->members.active.count + 1;
        digest.sum = cells->sum ^ digest_own_part(engine, (struct cell){0});
        return digest;
    }
    for (uint32_t i = 0; i < CELLS_BUCKETS; i++)
        if (mask >> i & 1) {
            digest.members += cells->counts[i];
            digest.sum ^= cells->bucket_sums[i];
        }
    if (mask >> cell_bucket(own) & 1) {
        digest.members++;
        digest.sum ^= digest_own_part(engine, (struct cell){0});
    }
    return digest;
}

shoal_digest digest_of_all(const shoal *engine)
{
    return digest_of(engine, DIGEST_ALL);
}

/* A bucket that does not come to rest, and was not compared for long; 0: there
 * is none. */
static uint8_t restless(const shoal *engine)
{
    uint64_t since_us = engine->now_us;
    uint8_t mask = 0;
    for (uint32_t i = 0; i < CELLS_BUCKETS; i++)
        if (!is_settled(engine, i) &&
            engine->digest.buckets[i].compared_us < since_us) {
            since_us = engine->digest.buckets[i].compared_us;
            mask = (uint8_t)(1 << i);
        }
    return engine->now_us - since_us >= EVERY * engine->config.probe_period_us
               ? mask
               : 0;
}

static uint8_t mask_for_ping(shoal *engine)
{
    struct digest *digest = &engine->digest;
    uint8_t all = settled(engine);
    bool is_turn = ++digest->pings >= EVERY && all != DIGEST_ALL;
    uint8_t single = is_turn ? restless(engine) : 0;
    if (single == 0)
        return all;
    digest->pings = 0;
    return single;
}

bool digest_take(shoal *engine, shoal_message kind, shoal_digest *digest)
{
    uint8_t mask = 0;
    if (!digest_is_on(engine))
        return false;
    if (kind == SHOAL_MSG_PING)
        mask = mask_for_ping(engine);
    else if (kind == SHOAL_MSG_ACK) {
        mask = engine->digest.reply;
        engine->digest.reply = 0;
    }
    if (mask == 0) {
        digest->without = DIGEST_ALL; /* there may be something else in it */
        return false;
    }
    *digest = digest_of(engine, mask);
    return true;
}

static bool can_compare(const shoal *engine, uint8_t mask)
{
    bool is_single = mask != 0 && (mask & (mask - 1)) == 0;
    return is_single || (mask & ~settled(engine)) == 0;
}

static void note_equal(shoal *engine, uint8_t mask)
{
    for (uint32_t i = 0; i < CELLS_BUCKETS; i++)
        if (mask >> i & 1)
            engine->digest.buckets[i].compared_us = engine->now_us;
}

bool digest_compare(shoal *engine, const shoal_header *header,
                    shoal_digest *ours)
{
    uint8_t mask = (uint8_t)~header->digest.without;
    bool is_ping = header->kind == SHOAL_MSG_PING;
    if (!digest_is_on(engine) || mask == 0)
        return false;
    if (!can_compare(engine, mask)) {
        engine->digest.reply = is_ping ? settled(engine) : 0;
        return false;
    }
    *ours = digest_of(engine, mask);
    if (ours->members == header->digest.members &&
        ours->sum == header->digest.sum) {
        note_equal(engine, mask);
        return false;
    }
    if (is_ping)
        engine->digest.reply = mask;
    return !is_ping;
}
