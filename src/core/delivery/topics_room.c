/* SPDX-License-Identifier: MIT */
/*
 * How much we may publish. Who misses an item asks for it; so the items of ours
 * that others may still ask for stay in the ring and in memory, and what would
 * push them out has to wait: publishing fails with FULL. That is how a slow
 * network, and members that others have got ahead of, are heard by whoever
 * publishes.
 *
 * Memory is for what all publish, so in a short time nobody fills more than a
 * part. The time is bounded, too: one member that asks for ever holds nobody
 * up.
 */
#include "../engine.h"
#include "topics.h"

enum {
    SETTLE_US = 2000000,   /* items are kept for so long, */
    PATIENCE_US = 10000000 /* or, if they are asked for, so long */
};

/* Has somebody asked for it lately, or for what comes before it? */
static bool is_wanted(const shoal *engine, const struct topic_stream *stream,
                      uint64_t number)
{
    return stream->wanted_us + TOPICS_WANTED_US > engine->now_us &&
           stream->wanted <= number;
}

/* Have those who miss our item, the first that a stream of ours keeps, had the
 * time to ask for it, and got it? Not before it was sent, and those before it
 * in the line. Whoever asks for ever holds nobody up. */
static bool is_settled(const shoal *engine, const struct topic_stream *stream,
                       uint64_t number)
{
    const struct kept_item *held = stream_at(stream, number);
    uint64_t behind = 2 * (uint64_t)engine->topics.waiting.num_news;
    uint64_t age_us = held ? engine->now_us - held->at_us : SHOAL_NEVER;
    if (age_us >= PATIENCE_US)
        return true;
    return age_us >= SETTLE_US && stream->due - number > behind &&
           !is_wanted(engine, stream, number);
}

/* Memory is for what all publish, so we fill a quarter of it within SETTLE_US.
 * One message may be larger than that. */
static bool is_within_share(shoal *engine, size_t size)
{
    struct topics *topics = &engine->topics;
    uint64_t share = engine->config.max_topics_memory / 4;
    uint64_t past_us = engine->now_us - topics->recent_us;
    uint64_t settled =
        past_us < SETTLE_US * 64 ? past_us * share / SETTLE_US : topics->recent;
    topics->recent -= settled < topics->recent ? settled : topics->recent;
    /* Only for what is settled: whoever asks often holds nothing up. */
    topics->recent_us = topics->recent == 0
                            ? engine->now_us
                            : topics->recent_us + settled * SETTLE_US / share;
    return topics->recent == 0 || topics->recent + size <= share;
}

/* What is new takes the place of what is old, in the ring and in memory. Would
 * that be something of ours that others still ask for? */
static bool is_room_to_keep(const shoal *engine,
                            const struct topic_stream *stream, size_t count,
                            size_t size)
{
    const struct streams *streams = &engine->topics.streams;
    uint64_t end = stream->due + count;
    if (engine->members.active.count == 0)
        return true; /* nobody asks */
    if (end > STREAM_RING && !is_settled(engine, stream, end - 1 - STREAM_RING))
        return false;
    if (streams->bytes + size <= engine->config.max_topics_memory)
        return true;
    const struct topic_stream *first = streams_fullest(streams);
    if (!topics_is_ours(engine, first)) { /* we have our part in it */
        if (stream->bytes < first->bytes / 2)
            return true;
        first = stream;
    }
    return is_settled(engine, first, stream_next_held(first, first->low));
}

const char *topics_why_full(shoal *engine, const struct topic_stream *stream,
                            size_t count, size_t size)
{
    if (!is_within_share(engine, size))
        return "what was published within two seconds takes a quarter of "
               "max_topics_memory";
    return is_room_to_keep(engine, stream, count, size)
               ? NULL
               : "others still ask for what was published before";
}
