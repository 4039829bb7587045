/* SPDX-License-Identifier: MIT */
/* What has come of a stream is delivered, in order; what will not is told. */
#include "../engine.h"
#include "../notify.h"
#include "../query.h"
#include "topics.h"

/* Nobody publishes so much that others do not hear of it. */
#define LEAP (UINT64_C(1) << 32)

/* A stream outlives its origin, which may come back. */
static shoal_member origin_of(const shoal *engine,
                              const struct topic_stream *stream)
{
    return query_view_of(engine, stream->origin, SHOAL_REASON_NONE);
}

static bool miss(shoal *engine, struct topic_stream *stream, uint64_t first,
                 uint64_t last)
{
    shoal_member from = origin_of(engine, stream);
    if (!notify_topic(engine, SHOAL_EVENT_MISSED, &from, stream_topic(stream),
                      (shoal_bytes){0}, first, last))
        return false;
    engine->stats.items_missed += last >= first ? last - first + 1 : 1;
    return true;
}

static size_t size_of(const struct topic_stream *stream)
{
    size_t size = 0;
    for (uint64_t number = stream->due; number < stream->have; number++) {
        const struct kept_item *held = stream_at(stream, number);
        if (!held) /* there was no room for it any more */
            return SIZE_MAX;
        size += held->size;
    }
    return size;
}

static bool deliver_parts(shoal *engine, struct topic_stream *stream,
                          size_t size)
{
    uint8_t *whole = mem_alloc(&engine->mem, size), *at = whole;
    if (!whole)
        return false;
    for (uint64_t number = stream->due; number < stream->have; number++)
        at = bytes_copy(at, stream_data(stream_at(stream, number)));
    shoal_member from = origin_of(engine, stream);
    bool done =
        notify_topic(engine, SHOAL_EVENT_PUBLISHED, &from, stream_topic(stream),
                     bytes_of(whole, size), stream->due, stream->have - 1);
    mem_free(&engine->mem, whole, size);
    return done;
}

static bool deliver(shoal *engine, struct topic_stream *stream)
{
    size_t size = size_of(stream);
    if (size == SIZE_MAX)
        return miss(engine, stream, stream->due, stream->have - 1);
    if (stream->have - stream->due > 1 && size > 0)
        return deliver_parts(engine, stream, size);
    shoal_member from = origin_of(engine, stream);
    return notify_topic(
        engine, SHOAL_EVENT_PUBLISHED, &from, stream_topic(stream),
        stream_data(stream_at(stream, stream->due)), stream->due, stream->due);
}

/* The rest of a message whose beginning did not come, or one that is too long.
 * Whoever is new has not missed what had begun before. */
static bool tear(shoal *engine, struct topic_stream *stream)
{
    bool is_missed = !stream->is_new || stream->is_open;
    if (is_missed && !miss(engine, stream, stream->due, stream->have - 1))
        return false;
    stream->is_open = false;
    stream->due = stream->have;
    return true;
}

/* All before `have` is told. */
static bool end_message(struct topic_stream *stream)
{
    stream->is_open = stream->is_new = false;
    stream->due = stream->have;
    return true;
}

/* The item that `have` has just passed. false: out of memory. */
static bool take_part(shoal *engine, struct topic_stream *stream, uint8_t flags)
{
    bool is_too_long = stream->have - stream->due >= TOPICS_MAX_PARTS;
    bool ends = flags & PART_LAST;
    if (flags & PART_MARK)
        return miss(engine, stream, stream->due, 0) && end_message(stream);
    if (!stream->is_open && !(flags & PART_FIRST))
        return !(ends || is_too_long) || tear(engine, stream);
    if (ends)
        return deliver(engine, stream) && end_message(stream);
    stream->is_open = true;
    return !is_too_long || tear(engine, stream);
}

static bool step(shoal *engine, struct topic_stream *stream, uint8_t flags)
{
    bool is_torn = flags & PART_FIRST && stream->due < stream->have;
    if (is_torn && !tear(engine, stream))
        return false;
    stream->have++;
    if (take_part(engine, stream, flags))
        return true;
    stream->have--;
    return false;
}

static void plan_gap(shoal *engine, struct topic_stream *stream)
{
    if (stream->ask_us == SHOAL_NEVER) {
        stream->gap_us = stream->asked_us = engine->now_us;
        stream->gap_top = stream->top;
        stream->ask_us = engine->now_us + TOPICS_GAP_US;
    }
    topics_plan(engine, stream->ask_us);
}

void topics_ask_within(shoal *engine, struct topic_stream *stream, uint64_t us)
{
    uint64_t at_us = engine->now_us + us;
    if (stream->ask_us > at_us)
        stream->ask_us = at_us;
    topics_plan(engine, at_us);
}

void topics_forget_asking(struct topic_stream *stream)
{
    stream->ask_us = SHOAL_NEVER;
    stream->asks = stream->votes = stream->heard = stream->lacks = 0;
}

/* What is missing next and will not come is told; false: out of memory. */
static bool pass_gap(shoal *engine, struct topic_stream *stream)
{
    uint64_t end = stream_next_held(stream, stream->have);
    if (end > stream->lost)
        end = stream->lost;
    if (!miss(engine, stream, stream->due, end - 1))
        return false;
    stream->have = end;
    return end_message(stream);
}

/* false: there is nothing to do, or no memory. */
static bool go_on(shoal *engine, struct topic_stream *stream)
{
    const struct kept_item *held = stream_at(stream, stream->have);
    if (!held && (stream->have >= stream->lost || !stream->origin))
        return false;
    if (held ? step(engine, stream, held->flags) : pass_gap(engine, stream))
        return true;
    engine_note(engine, SHOAL_ERR_NOMEM);
    return false;
}

void topics_advance(shoal *engine, struct topic_stream *stream)
{
    uint64_t before = stream->have;
    while (go_on(engine, stream))
        ;
    if (stream->have != before)
        topics_forget_asking(stream);
    if (stream->have <= stream->top)
        plan_gap(engine, stream);
    else if (stream->origin)
        topics_forget_asking(stream);
}

void topics_skip(shoal *engine, struct topic_stream *stream, uint64_t end)
{
    if (end > stream->top + 1)
        end = stream->top + 1;
    if (end > stream->lost)
        stream->lost = end;
    topics_advance(engine, stream);
}

void topics_raise(shoal *engine, struct topic_stream *stream, uint64_t number)
{
    if (number <= stream->top || number - stream->top > LEAP)
        return;
    stream->changed_us = engine->now_us;
    engine->topics.quiet = 0;
    if (topics_is_ours(engine, stream)) {
        topics_go_above(engine, stream, number);
        return;
    }
    stream->top = number;
    topics_advance(engine, stream);
}
