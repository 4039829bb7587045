/* SPDX-License-Identifier: MIT */
/* Baselines: where does whoever has just come begin in each stream? */
#include "../engine.h"
#include "../send.h"
#include "repair_parts.h"

enum {
    ASK_US = 20000,     /* until the first answer, doubled ... */
    ASK_DOUBLED = 2,    /* so often; then a sixth of probe_rtt */
    FOR_US = 1000000,   /* or twice probe_rtt: then nobody knows */
    BACK_US = 60000000, /* alone, at the most: as long as others keep items */
    ENOUGH = 4,         /* say that they do not know either, or */
    PATIENCE = 3        /* times that long: so long we wait, or are referred */
};

/* A baseline is asked for so long, if nobody answers. */
static uint64_t baseline_for(const shoal *engine)
{
    uint64_t for_us = 2 * engine->config.probe_rtt_us;
    return for_us > FOR_US ? for_us : FOR_US;
}

uint16_t repair_age_ms(const shoal *engine)
{
    uint64_t age = engine->now_us - engine->topics.baseline.begun_us;
    return (uint16_t)(age / 1000 < UINT16_MAX ? age / 1000 : UINT16_MAX);
}

/* ---- What we are told ---- */

/* What was published before we came is not for us. */
static void take_baseline(shoal *engine, const struct topic_entry *entry)
{
    struct topic_stream *stream = topics_get(engine, entry->hash);
    if (stream && topics_is_ours(engine, stream))
        topics_raise(engine, stream, entry->number);
    if (!stream || stream->have > 1)
        return;
    uint64_t held =
        stream->bytes > 0 ? stream_next_held(stream, 1) : UINT64_MAX;
    if (stream->top < entry->number)
        stream->top = entry->number;
    stream->due = stream->have = entry->number + 1;
    if (held < stream->have) /* has come since we are here */
        stream->due = stream->have = held;
    stream->changed_us = engine->now_us;
    if (stream->bytes == 0)
        stream->low = stream->due;
    if (!stream->origin)
        stream->ask_us = stream->gap_us = stream->asked_us = engine->now_us;
    topics_advance(engine, stream);
}

static void end_baseline(shoal *engine)
{
    struct topics *topics = &engine->topics;
    topics->baseline.is_over = true;
    topics->baseline.ask_us = SHOAL_NEVER;
    for (uint32_t i = 0; i < topics->streams.count; i++)
        topics_advance(engine, topics->streams.list[i]);
}

/* The sender has come after us, and names who told it where to begin. */
static void ask_teacher(shoal *engine, const struct topic_record *heads)
{
    struct topics *topics = &engine->topics;
    struct member *teacher = cells_find(&engine->members, heads->teacher);
    uint64_t age_us = engine->now_us - topics->baseline.begun_us;
    if (heads->flags & HEADS_READY && age_us < PATIENCE * baseline_for(engine))
        topics->baseline.answered_us = engine->now_us;
    if (teacher)
        repair_send_heads(engine, teacher, topics->baseline.from,
                          EXCHANGE_MAX_RECORDS);
}

/* All that the sender knew when we came. */
static void on_part(shoal *engine, const struct topic_record *heads)
{
    struct topics *topics = &engine->topics;
    if (heads->to == UINT32_MAX) {
        end_baseline(engine);
        return;
    }
    topics->baseline.from = heads->to + 1;
    topics->baseline.ask_us = topics->baseline.answered_us = engine->now_us;
    topics->baseline.asks = 0;
    topics_plan(engine, engine->now_us);
}

void repair_on_baseline(shoal *engine, const struct topic_record *heads,
                        const struct member *sender)
{
    struct topics *topics = &engine->topics;
    struct topic_record left = *heads;
    struct topic_entry entry;
    bool is_later = heads->flags & HEADS_LATER;
    bool is_ready = heads->flags & HEADS_READY;
    bool is_part = is_ready && !is_later;
    if (is_part && heads->from != topics->baseline.from)
        return;
    topics->baseline.unaware += !is_ready && topics->baseline.unaware < ENOUGH;
    if (!is_later && (is_part || heads->body.size > 0))
        topics->baseline.teacher = sender->identity->wire_hash;
    while (topic_record_next(&left, &entry))
        take_baseline(engine, &entry);
    if (is_later)
        ask_teacher(engine, heads);
    else if (is_part)
        on_part(engine, heads);
}

/* ---- Asking ---- */

/* We were here before, and what was published since is for us. */
static bool is_back(const shoal *engine)
{
    const struct topics *topics = &engine->topics;
    return topics->baseline.begun_us > 0 &&
           engine->now_us - topics->idle_us < BACK_US;
}

void repair_begin(shoal *engine)
{
    struct topics *topics = &engine->topics;
    if (topics->baseline.is_over || !digest_is_on(engine))
        return;
    if (!is_back(engine))
        topics->baseline.begun_us = engine->now_us;
    topics->baseline.answered_us = engine->now_us;
    topics->baseline.asks = topics->baseline.unaware = 0;
    topics->baseline.ask_us =
        engine->now_us + rng_next(&engine->rng) % (ASK_US / 2);
    topics_plan(engine, topics->baseline.ask_us);
}

/* Is nobody there who knows where the streams are? Those who have come with us
 * do not, until they have found one who does: many may have come at once. */
static bool knows_nobody(const shoal *engine)
{
    const struct topics *topics = &engine->topics;
    uint64_t waited_us = engine->now_us - topics->baseline.answered_us;
    uint64_t for_us = baseline_for(engine);
    return waited_us >= for_us && (topics->baseline.unaware >= ENOUGH ||
                                   waited_us >= PATIENCE * for_us);
}

static uint64_t until_next_ask(const shoal *engine)
{
    uint8_t asks = engine->topics.baseline.asks;
    uint64_t us = (uint64_t)ASK_US << asks;
    uint64_t later_us = engine->config.probe_rtt_us / 6;
    return asks == ASK_DOUBLED && later_us > us ? later_us : us;
}

void repair_ask_baseline(shoal *engine)
{
    struct topics *topics = &engine->topics;
    struct member *to = members_pick_one(&engine->members, &engine->rng);
    if (topics->baseline.ask_us > engine->now_us)
        return;
    if (knows_nobody(engine)) {
        end_baseline(engine);
        return;
    }
    topics->baseline.ask_us = engine->now_us + until_next_ask(engine);
    topics->baseline.asks += topics->baseline.asks < ASK_DOUBLED;
    if (to)
        repair_send_heads(engine, to, topics->baseline.from,
                          EXCHANGE_MAX_RECORDS);
}

/* ---- What we tell ---- */

/* Until when is what came old for `newcomer`, which became active so long ago?
 * A little earlier: what was published when its origin knew the newcomer may
 * still be under way to it. Its question may have waited for us while a handler
 * ran; what we have said since we know it is for it. */
uint64_t repair_old_until(const shoal *engine, uint16_t ms,
                          const struct member *newcomer)
{
    uint64_t us = (uint64_t)ms * 1000 + engine->config.probe_rtt_us / 5;
    uint64_t until_us = engine->now_us > us ? engine->now_us - us : 0;
    uint64_t since_us = newcomer->since_us > 0 ? newcomer->since_us - 1 : 0;
    bool waited =
        since_us < until_us && until_us - since_us < baseline_for(engine);
    return waited ? since_us : until_us;
}

/* Who was told by nobody has asked for all from the first number on. */
static bool knows_by_hearsay(const struct topics *topics)
{
    return topics->baseline.teacher != 0 || !topics->baseline.is_over;
}

uint8_t repair_is_later(const shoal *engine,
                        const struct topic_record *question)
{
    const struct topics *topics = &engine->topics;
    uint64_t age_us = (uint64_t)question->age_ms * 1000;
    return knows_by_hearsay(topics) &&
                   engine->now_us - topics->baseline.begun_us < age_us &&
                   question->age_ms < UINT16_MAX
               ? HEADS_LATER
               : 0;
}
