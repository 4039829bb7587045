/* SPDX-License-Identifier: MIT */
#include "topics.h"

#include "../../wire/wire.h"
#include "../ask.h"
#include "../digest.h"
#include "../engine.h"
#include "../notify.h"
#include "../records/items.h"
#include "../send.h"
#include "repair.h"

enum {
    OF_OURS = 5, /* times that each item is sent ... */
    OF_OTHERS = 4,
    MANY = 256,          /* ... unless so many wait: then once */
    MAX_WAITING = 512,   /* items; then publishing fails */
    MAX_PASSED = 2048,   /* then those of others are not passed on */
    MAX_STREAMS = 4096,  /* of all origins, */
    MAX_TOPICS = 256,    /* of one */
    MAX_MESSAGE = 65536, /* bytes */
    LEAST_PART = 64,
    KEEP_US = 60000000, /* items, for repair */
    EXPIRE_US = 10000000
};

void topics_init(shoal *engine)
{
    struct topics *topics = &engine->topics;
    *topics = (struct topics){.at_us = SHOAL_NEVER,
                              .expiry_us = SHOAL_NEVER,
                              .baseline = {.ask_us = SHOAL_NEVER}};
    backlog_init(&topics->waiting, ITEM_FRAME);
    topics->waiting.mark = ITEM_IS_RECORD;
}

void topics_clear(shoal *engine)
{
    backlog_clear(&engine->topics.waiting, &engine->mem);
    streams_clear(&engine->topics.streams, &engine->mem);
}

void topics_plan(shoal *engine, uint64_t at_us)
{
    if (at_us < engine->topics.at_us)
        engine->topics.at_us = at_us;
}

static bool is_of(const struct topic_stream *stream,
                  const struct identity *origin)
{
    return stream->origin &&
           bytes_equal(identity_id(stream->origin), identity_id(origin));
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

static size_t room_for_part(const shoal *engine, shoal_bytes topic)
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

/* What there is no memory for is in the stream, and others ask for it. */
static void queue(shoal *engine, const struct topic_stream *stream,
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

static bool is_room_for(const shoal *engine, const struct identity *origin)
{
    const struct streams *streams = &engine->topics.streams;
    uint32_t topics = 0;
    for (uint32_t i = 0; i < streams->count; i++)
        topics += is_of(streams->list[i], origin);
    return streams->count < MAX_STREAMS && topics < MAX_TOPICS;
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

struct topic_stream *topics_get(shoal *engine, uint32_t hash)
{
    struct streams *streams = &engine->topics.streams;
    struct topic_stream *stream = streams_find(streams, hash);
    if (!stream && streams->count < MAX_STREAMS)
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
    if (origin && !stream && is_room_for(engine, origin))
        stream = streams_add(&engine->topics.streams, &engine->mem, hash);
    if (origin && stream) {
        stream_identify(stream, origin, record->topic);
        if (topics_is_ours(engine, stream)) /* somebody remembers it */
            stream->due = stream->have = stream->top + 1;
    }
    return origin ? stream : NULL;
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

static void keep_bound(shoal *engine)
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
        queue(engine, stream, item->number, stream_at(stream, item->number),
              OF_OTHERS);
    engine->stats.items_repaired += kept > 0 && is_repair;
    if (kept > 0)
        engine->topics.quiet = 0;
    if (item->number > stream->top)
        topics_raise(engine, stream, item->number);
    else if (kept > 0)
        topics_advance(engine, stream);
    if (kept > 0)
        keep_bound(engine);
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

/* ---- Publishing ---- */

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
    if (room_for_part(engine, topic) < LEAST_PART)
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
    if (!stream && !is_room_for(engine, engine->self))
        return fail(engine, SHOAL_ERR_FULL, "too many topics");
    if (!stream)
        *out = stream = streams_add(streams, &engine->mem, hash);
    if (!stream)
        return SHOAL_ERR_NOMEM;
    stream_identify(stream, engine->self, topic);
    stream->due = stream->have = stream->top + 1;
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
            queue(engine, stream, stream->top + 1,
                  stream_at(stream, stream->top + 1), OF_OURS);
    stream->changed_us = engine->now_us;
    stream->due = stream->have = stream->top + 1;
    keep_bound(engine);
}

static int publish(shoal *engine, struct topic_stream *stream, shoal_bytes data,
                   uint64_t *number)
{
    size_t part = room_for_part(engine, stream_topic(stream));
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
    if (!topics_has_room(engine, stream, count, size))
        return fail(engine, SHOAL_ERR_FULL,
                    "others still ask for what was published before");
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

static void mark(shoal *engine, shoal_bytes topic, uint64_t number);

/* What a life before has said on this topic nobody remembers, or not all of it:
 * we begin above, or others would take it for what they have heard. */
static void rise(shoal *engine, struct topic_stream *stream)
{
    if (stream->top < engine->topics.floor)
        mark(engine, stream_topic(stream), engine->topics.floor);
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
        if (!is_of(stream, before) || (!after && stream->bytes > 0))
            continue; /* it may come back while others have its items */
        if (after)
            tell_end(engine, stream, after);
        streams_remove(streams, &engine->mem, stream);
    }
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
        error = keep_parts(engine, stream, (shoal_bytes){0}, 1, 1, PART_MARK);
    if (error)
        engine_note(engine, error);
    else
        say(engine, stream, 1);
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
    uint8_t names[MAX_TOPICS][1 + STREAM_MAX_TOPIC];
    uint32_t count = 0;
    for (uint32_t i = streams->count; i-- > 0;) {
        struct topic_stream *stream = streams->list[i];
        if (!is_of(stream, before))
            continue;
        if (count < MAX_TOPICS && stream->top > 0) {
            names[count][0] = stream->topic_size;
            bytes_copy(names[count++] + 1, stream_topic(stream));
        }
        streams_remove(streams, &engine->mem, stream);
    }
    while (count-- > 0)
        mark(engine, bytes_of(names[count] + 1, names[count][0]), 0);
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
