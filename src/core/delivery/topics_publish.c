/* SPDX-License-Identifier: MIT */
/* What we publish: numbered, kept, and queued to be sent. */
#include "../digest.h"
#include "../engine.h"
#include "../notify.h"
#include "topics_parts.h"

enum {
    MAX_WAITING = 512,   /* items; then publishing fails */
    MAX_MESSAGE = 65536, /* bytes */
    LEAST_PART = 64
};

static int fail(shoal *engine, int error, const char *detail)
{
    engine_set_detail(engine, detail);
    return error;
}

static int check(shoal *engine, shoal_bytes topic, shoal_bytes data)
{
    if (!engine->handlers.codec.lifeguard)
        return SHOAL_ERR_NO_LIFEGUARD;
    if (!digest_is_on(engine))
        return fail(engine, SHOAL_ERR_UNSUPPORTED,
                    "without compare_members nothing would be repaired");
    if (topic.size == 0 || topic.size > STREAM_MAX_TOPIC)
        return fail(engine, SHOAL_ERR_MALFORMED,
                    "the name of a topic has 1 to 64 bytes");
    if (data.size > MAX_MESSAGE)
        return fail(engine, SHOAL_ERR_TOO_BIG,
                    "a message of a topic has at most 65536 bytes");
    if (engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return SHOAL_ERR_DEFUNCT;
    if (topics_room_for_part(engine, topic) < LEAST_PART)
        return fail(engine, SHOAL_ERR_TOO_BIG,
                    "our identity leaves no room in a packet");
    return 0;
}

/* 0 and `*out`, made if need be; FULL, NOMEM. */
static int own_stream(shoal *engine, shoal_bytes topic,
                      struct topic_stream **out)
{
    struct streams *streams = &engine->topics.streams;
    uint32_t hash = stream_hash(engine->self->wire_hash, topic);
    struct topic_stream *stream = streams_find(streams, hash);
    *out = stream;
    if (stream && stream->origin)
        return topics_is_ours(engine, stream) &&
                       bytes_equal(stream_topic(stream), topic)
                   ? 0
                   : fail(engine, SHOAL_ERR_FULL, "use another name for it");
    if (!topics_is_room_for(engine, stream, engine->self))
        return fail(engine, SHOAL_ERR_FULL, "too many topics");
    if (!stream)
        *out = stream = streams_add(streams, &engine->mem, hash);
    if (!stream)
        return SHOAL_ERR_NOMEM;
    stream_identify(streams, stream, engine->self, topic);
    topics_begin_above(stream);
    return 0;
}

static shoal_bytes part_of(shoal_bytes data, size_t part, size_t number)
{
    size_t from = number * part;
    size_t size = data.size - from < part ? data.size - from : part;
    return data.size > 0 ? bytes_of(data.data + from, size) : data;
}

static void drop_parts(shoal *engine, struct topic_stream *stream, size_t count)
{
    for (size_t i = 0; i < count; i++)
        stream_drop(&engine->topics.streams, &engine->mem, stream,
                    stream->due + i);
}

/* All of them, or none. */
static int keep_parts(shoal *engine, struct topic_stream *stream,
                      shoal_bytes data, size_t part, size_t count,
                      uint8_t flags)
{
    struct streams *streams = &engine->topics.streams;
    for (size_t i = 0; i < count; i++) {
        uint8_t ends = (uint8_t)((i == 0 ? PART_FIRST : 0) |
                                 (i + 1 == count ? PART_LAST : 0) | flags);
        int kept = stream_put(streams, &engine->mem, stream, stream->due + i,
                              ends, part_of(data, part, i), engine->now_us);
        if (kept == 1)
            continue;
        drop_parts(engine, stream, i);
        return SHOAL_ERR_NOMEM;
    }
    return 0;
}

static void say(shoal *engine, struct topic_stream *stream, size_t count)
{
    for (size_t i = 0; i < count; i++, stream->top++)
        if (engine->connection == SHOAL_CONNECTION_ACTIVE)
            topics_queue(engine, stream, stream->top + 1,
                         stream_at(stream, stream->top + 1), TOPICS_OF_OURS);
    stream->changed_us = engine->now_us;
    stream->due = stream->have = stream->top + 1;
    stream->is_again = false;
    stream->has_said = true;
    topics_keep_bound(engine);
}

static int publish(shoal *engine, struct topic_stream *stream, shoal_bytes data,
                   uint64_t *number)
{
    size_t part = topics_room_for_part(engine, stream_topic(stream));
    size_t count = data.size > part ? (data.size + part - 1) / part : 1;
    uint32_t waiting = engine->topics.waiting.num_news;
    if (count > TOPICS_MAX_PARTS)
        return fail(engine, SHOAL_ERR_TOO_BIG,
                    "a message of a topic fits into at most 128 packets");
    if (stream->due + count >= TOPIC_MAX_NUMBER)
        return fail(engine, SHOAL_ERR_FULL, "the numbers are used up");
    if (waiting > 0 && waiting + count > MAX_WAITING)
        return fail(engine, SHOAL_ERR_FULL,
                    "too much that was published waits to be sent");
    size_t size = stream_footprint(data.size, count);
    if (size > engine->config.max_topics_memory)
        return fail(engine, SHOAL_ERR_TOO_BIG,
                    "a message of a topic has to fit into max_topics_memory");
    const char *why_full = topics_why_full(engine, stream, count, size);
    if (why_full)
        return fail(engine, SHOAL_ERR_FULL, why_full);
    int error = keep_parts(engine, stream, data, part, count, 0);
    if (error)
        return error;
    shoal_member from = shoal_self(engine);
    *number = stream->due + count - 1;
    if (!notify_topic(engine, SHOAL_EVENT_PUBLISHED, &from,
                      stream_topic(stream), data, stream->due, *number)) {
        drop_parts(engine, stream, count);
        return SHOAL_ERR_NOMEM;
    }
    engine->topics.recent += size;
    engine->stats.items_published += count;
    say(engine, stream, count);
    return 0;
}

/* ---- Marks ---- */

static int say_mark(shoal *engine, struct topic_stream *stream)
{
    int error = keep_parts(engine, stream, (shoal_bytes){0}, 1, 1, PART_MARK);
    if (!error)
        say(engine, stream, 1);
    return error;
}

/* Says that something may be missing before what comes next. */
static void mark(shoal *engine, shoal_bytes topic, uint64_t number)
{
    struct topic_stream *stream;
    int error = own_stream(engine, topic, &stream);
    if (!error && number > stream->top) {
        stream->top = number;
        stream->low = stream->due = stream->have = number + 1;
    }
    if (!error)
        error = say_mark(engine, stream);
    if (error)
        engine_note(engine, error);
}

void topics_go_above(shoal *engine, struct topic_stream *stream,
                     uint64_t number)
{
    stream->top = number;
    topics_begin_above(stream);
    int error = stream->has_said ? say_mark(engine, stream) : 0;
    if (error)
        engine_note(engine, error);
}

/* What a life before has said on this topic nobody remembers, or not all of it:
 * we begin above, or others would take it for what they have heard. */
static void rise(shoal *engine, struct topic_stream *stream)
{
    if (stream->top < engine->topics.floor)
        mark(engine, stream_topic(stream), engine->topics.floor);
    else if (stream->is_again)
        mark(engine, stream_topic(stream), stream->top);
}

int shoal_publish(shoal *engine, uint64_t now_us, shoal_bytes topic,
                  shoal_bytes data, uint64_t *number)
{
    uint64_t ignored;
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    error = check(engine, topic, data);
    if (error)
        return engine_leave(engine, error);
    struct topic_stream *stream;
    error = own_stream(engine, topic, &stream);
    if (!error) {
        rise(engine, stream);
        error = publish(engine, stream, data, number ? number : &ignored);
    }
    return engine_leave(engine, error);
}

int shoal_resume_topic(shoal *engine, uint64_t now_us, shoal_bytes topic,
                       uint64_t number)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    bool is_all = topic.size == 0;
    error = is_all ? 0 : check(engine, topic, (shoal_bytes){0});
    if (!error && number + 1 >= TOPIC_MAX_NUMBER)
        error = SHOAL_ERR_FULL;
    if (!error && is_all)
        engine->topics.floor = number;
    else if (!error)
        mark(engine, topic, number);
    return engine_leave(engine, error);
}

/* What waits to be sent of what we have published: as somebody else, nobody
 * takes it from us. */
static void unsay(shoal *engine)
{
    struct backlog *waiting = &engine->topics.waiting;
    struct entry *next, *entry = backlog_next(waiting, NULL);
    for (; entry; entry = next) {
        next = backlog_next(waiting, entry);
        if (entry->urgency == URGENCY_NEWS)
            backlog_remove(waiting, &engine->mem, entry);
    }
}

void topics_renewed(shoal *engine, const struct identity *before)
{
    unsay(engine);
    engine->topics.floor = 0; /* nobody has said anything as what we are now */
    struct streams *streams = &engine->topics.streams;
    uint8_t names[TOPICS_MAX_OF_ONE][1 + STREAM_MAX_TOPIC];
    uint32_t count = 0;
    for (uint32_t i = streams->count; i-- > 0;) {
        struct topic_stream *stream = streams->list[i];
        if (!topics_is_of(stream, before))
            continue;
        if (count < TOPICS_MAX_OF_ONE && stream->top > 0) {
            names[count][0] = stream->topic_size;
            bytes_copy(names[count++] + 1, stream_topic(stream));
        }
        streams_remove(streams, &engine->mem, stream);
    }
    while (count-- > 0)
        mark(engine, bytes_of(names[count] + 1, names[count][0]), 0);
}
