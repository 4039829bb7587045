/* SPDX-License-Identifier: MIT */
#include "topics_parts.h"

#include "../../wire/wire.h"
#include "../ask.h"
#include "../digest.h"
#include "../engine.h"
#include "../notify.h"
#include "../records/items.h"
#include "../send.h"
#include "repair.h"

enum {
    OF_OTHERS = 4,      /* times that each item of theirs is sent ... */
    MANY = 256,         /* ... unless so many wait: then once */
    MAX_PASSED = 2048,  /* then those of others are not passed on */
    MAX_STREAMS = 4096, /* of all origins, */
    MAX_UNKNOWN = 1024, /* of nobody knows whom, */
    NEXT_GET_US = 5000, /* after what a get has brought, which is not all */
    KEEP_US = 60000000, /* items, for repair */
    EXPIRE_US = 10000000
};

void topics_init(shoal *engine)
{
    struct topics *topics = &engine->topics;
    *topics = (struct topics){.at_us = SHOAL_NEVER,
                              .expiry_us = SHOAL_NEVER,
                              .sweep = {.at_us = SHOAL_NEVER},
                              .baseline = {.ask_us = SHOAL_NEVER}};
    backlog_init(&topics->waiting, ITEM_FRAME);
    topics->waiting.mark = ITEM_IS_RECORD;
}

void topics_clear(shoal *engine)
{
    backlog_clear(&engine->topics.waiting, &engine->mem);
    streams_clear(&engine->topics.streams, &engine->mem);
}

void topics_idle(shoal *engine)
{
    backlog_clear(&engine->topics.waiting, &engine->mem);
    engine->topics.idle_us = engine->now_us;
}

void topics_plan(shoal *engine, uint64_t at_us)
{
    if (at_us < engine->topics.at_us)
        engine->topics.at_us = at_us;
}

/* ---- Sending ---- */

/* For an item, in a packet of ours to anybody, also in an exchange, where it is
 * repaired. */
static size_t room_for_item(const shoal *engine)
{
    size_t own = identity_id(engine->self).size;
    size_t largest = members_largest_id(&engine->members);
    size_t room = exchange_room_for(engine, largest > own ? largest : own);
    return room > SEND_COUNT + ITEM_FRAME ? room - SEND_COUNT - ITEM_FRAME : 0;
}

size_t topics_room_for_part(const shoal *engine, shoal_bytes topic)
{
    size_t head = TOPIC_ITEM_HEAD + topic.size + identity_id(engine->self).size;
    size_t room = room_for_item(engine);
    return room > head ? room - head : 0;
}

/* Without what fits no more, as packets are smaller now. */
void topics_turn(shoal *engine)
{
    send_topics(engine, engine->config.gossip.members);
    backlog_cut(&engine->topics.waiting, &engine->mem, room_for_item(engine));
}

void topics_queue(shoal *engine, const struct topic_stream *stream,
                  uint64_t number, const struct kept_item *held, uint8_t times)
{
    uint8_t buffer[ITEM_FRAME + TOPIC_ITEM_HEAD + STREAM_MAX_TOPIC +
                   SHOAL_MAX_IDENTITY + EXCHANGE_MAX_RECORDS];
    struct records records = {.bytes = buffer, .room = sizeof buffer};
    struct backlog *waiting = &engine->topics.waiting;
    if (times == OF_OTHERS && waiting->count >= MAX_PASSED)
        return; /* it is asked for */
    if (!topic_record_put_item(&records, held->flags, number,
                               stream_topic(stream),
                               identity_id(stream->origin), stream_data(held)))
        return;
    shoal_bytes item = bytes_of(buffer + ITEM_FRAME, records.size - ITEM_FRAME);
    struct entry *entry = NULL;
    if (!backlog_push(waiting, &engine->mem, item, (shoal_bytes){0},
                      waiting->count > MANY ? 1 : times, &entry))
        return;
    entry->owner = NULL;
    if (topics_is_ours(engine, stream)) /* so that these are counted */
        backlog_hurry(waiting, entry, URGENCY_NEWS);
}

/* ---- Receiving ---- */

static bool is_known_as(const struct topic_stream *stream,
                        const struct topic_record *record)
{
    return bytes_equal(identity_id(stream->origin), record->origin) &&
           bytes_equal(stream_topic(stream), record->topic);
}

bool topics_is_room_for(const shoal *engine, const struct topic_stream *stream,
                        const struct identity *origin)
{
    const struct streams *streams = &engine->topics.streams;
    uint32_t topics = 0;
    for (uint32_t i = 0; i < streams->count; i++)
        topics += topics_is_of(streams->list[i], origin);
    return topics < TOPICS_MAX_OF_ONE &&
           (stream || streams->count < MAX_STREAMS);
}

/* The identity with these bytes, if we know it: else others know the member
 * before we do, or a newer one has its address, and what it has published comes
 * again, or not at all. */
static struct identity *identity_of(shoal *engine, shoal_bytes id)
{
    if (bytes_equal(id, identity_id(engine->self)))
        return engine->self;
    const struct member *member =
        members_find_id(&engine->members, id, bytes_hash(id, engine->hash_key));
    return member ? member->identity : NULL;
}

void topics_begin_above(struct topic_stream *stream)
{
    stream->due = stream->have = stream->top + 1;
    stream->is_again = stream->top > 0;
}

struct topic_stream *topics_get(shoal *engine, uint32_t hash)
{
    struct streams *streams = &engine->topics.streams;
    struct topic_stream *stream = streams_find(streams, hash);
    uint32_t most_unknown =
        engine->topics.baseline.is_over ? MAX_UNKNOWN : MAX_STREAMS;
    if (!stream && streams->count < MAX_STREAMS &&
        streams->unknown < most_unknown)
        stream = streams_add(streams, &engine->mem, hash);
    if (!stream)
        engine_drop(engine, SHOAL_DROP_TOPICS, 0);
    return stream;
}

static struct topic_stream *identify(shoal *engine, struct topic_stream *stream,
                                     uint32_t hash,
                                     const struct topic_record *record)
{
    struct identity *origin = identity_of(engine, record->origin);
    if (!origin || !topics_is_room_for(engine, stream, origin))
        return NULL;
    if (!stream)
        stream = streams_add(&engine->topics.streams, &engine->mem, hash);
    if (!stream)
        return NULL;
    stream_identify(&engine->topics.streams, stream, origin, record->topic);
    if (topics_is_ours(engine, stream))
        topics_begin_above(stream);
    return stream;
}

struct topic_stream *topics_open(shoal *engine,
                                 const struct topic_record *record)
{
    uint32_t hash = stream_hash(wire_hash(record->origin), record->topic);
    struct topic_stream *stream = streams_find(&engine->topics.streams, hash);
    if (!stream || !stream->origin)
        stream = identify(engine, stream, hash, record);
    if (stream && is_known_as(stream, record))
        return stream;
    engine_drop(engine, SHOAL_DROP_TOPICS, 0);
    return NULL;
}

void topics_keep_bound(shoal *engine)
{
    struct topics *topics = &engine->topics;
    streams_bound(&topics->streams, &engine->mem,
                  engine->config.max_topics_memory);
    if (topics->expiry_us == SHOAL_NEVER)
        topics->expiry_us = engine->now_us + EXPIRE_US;
    topics_plan(engine, topics->expiry_us);
}

int topics_take(shoal *engine, const struct topic_record *item, bool is_repair)
{
    struct topic_stream *stream = topics_open(engine, item);
    if (!stream || topics_is_ours(engine, stream))
        return 0;
    int kept =
        stream_put(&engine->topics.streams, &engine->mem, stream, item->number,
                   item->flags, item->body, engine->now_us);
    if (kept < 0)
        return engine_drop(engine, SHOAL_DROP_NOMEM, kept);
    if (kept > 0 && !is_repair)
        topics_queue(engine, stream, item->number,
                     stream_at(stream, item->number), OF_OTHERS);
    engine->stats.items_repaired += kept > 0 && is_repair;
    if (kept > 0)
        engine->topics.quiet = 0;
    if (item->number > stream->top)
        topics_raise(engine, stream, item->number);
    else if (kept > 0)
        topics_advance(engine, stream);
    if (kept > 0 && is_repair && stream->have <= stream->top)
        topics_ask_within(engine, stream, NEXT_GET_US);
    if (kept > 0)
        topics_keep_bound(engine);
    return 0;
}

int topics_receive(shoal *engine, shoal_bytes item)
{
    struct topic_record record;
    if (!digest_is_on(engine) || item.data[0] != RECORD_ITEM)
        return 0;
    if (topic_record_read(item, &record) != 0)
        return engine_drop(engine, SHOAL_DROP_TOPICS, 0);
    return topics_take(engine, &record, false);
}

/* ---- Whose streams they are ---- */

/* Nobody knows what else was said. */
static void tell_end(shoal *engine, const struct topic_stream *stream,
                     const struct member *after)
{
    shoal_member from = member_view(after);
    if (!notify_topic(engine, SHOAL_EVENT_MISSED, &from, stream_topic(stream),
                      (shoal_bytes){0}, stream->due, 0))
        engine_note(engine, SHOAL_ERR_NOMEM);
}

void topics_replaced(shoal *engine, const struct identity *before,
                     const struct member *after)
{
    struct streams *streams = &engine->topics.streams;
    for (uint32_t i = streams->count; i-- > 0;) {
        struct topic_stream *stream = streams->list[i];
        if (!topics_is_of(stream, before) || (!after && stream->bytes > 0))
            continue; /* it may come back while others have its items */
        if (after)
            tell_end(engine, stream, after);
        streams_remove(streams, &engine->mem, stream);
    }
}

/* ---- Time ---- */

static void expire(shoal *engine)
{
    struct topics *topics = &engine->topics;
    uint64_t before_us =
        engine->now_us > KEEP_US ? engine->now_us - KEEP_US : 0;
    bool any = false;
    if (topics->expiry_us > engine->now_us)
        return;
    for (uint32_t i = topics->streams.count; i-- > 0;) {
        struct topic_stream *stream = topics->streams.list[i];
        if (stream_expire(&topics->streams, &engine->mem, stream, before_us))
            any = true;
        else if (stream->origin &&
                 !identity_of(engine, identity_id(stream->origin)))
            streams_remove(&topics->streams, &engine->mem, stream);
    }
    topics->expiry_us = any ? engine->now_us + EXPIRE_US : SHOAL_NEVER;
}

void topics_tick(shoal *engine)
{
    struct topics *topics = &engine->topics;
    if (topics->at_us > engine->now_us)
        return;
    topics->at_us = SHOAL_NEVER;
    expire(engine);
    uint64_t next_us = repair_tick(engine);
    topics_plan(engine, next_us);
    topics_plan(engine, topics->expiry_us);
}
