/* SPDX-License-Identifier: MIT */
#include "repair.h"

#include "digest.h"
#include "engine.h"
#include "items.h"
#include "send.h"

enum {
    LISTED_PERIODS = 48, /* after the last item of an origin that is gone */
    MAX_PACKETS = 3,     /* that a get brings */
    TO_A_PING = 128,     /* bytes of heads that answer it: it may be forged */
    VOTES = 3,           /* of members that have a number no more */
    ASKS = 16,           /* then it is given up */
    TO_ORIGIN = 3,       /* each third time the origin is asked */
    PATIENT = 6,         /* times; then pauses double */
    MAX_PAUSE_US = 1000000,
    MAX_QUIET = 5, /* pauses double so often */
    BASELINE_ASKS = 4,
    BASELINE_US = 20000, /* until the first answer, doubled */
    GETS = 50,           /* a peer and second, */
    BURST = 50,
    HEADS = 8,
    COMPARES = 4 /* in a probe period */
};

/* ---- The sum ---- */

/* Of whoever is gone only the last items are looked for, for a while. */
static bool is_listed(const shoal *engine, const struct topic_stream *stream)
{
    uint64_t while_us = LISTED_PERIODS * engine->config.probe_period_us;
    if (stream->top == 0 || !stream->origin)
        return false;
    return engine->now_us - stream->changed_us < while_us ||
           stream->origin == engine->self ||
           members_find_active(&engine->members, stream->origin);
}

static bool is_settled(const shoal *engine, const struct topic_stream *stream)
{
    return engine->now_us - stream->changed_us >=
           engine->config.probe_period_us / 2;
}

static uint32_t sum_of_all(const shoal *engine)
{
    const struct topics *topics = &engine->topics;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < topics->streams.count; i++) {
        const struct topic_stream *stream = topics->streams.list[i];
        if (is_listed(engine, stream) && is_settled(engine, stream))
            sum ^= cells_part(stream->hash, stream->top);
    }
    return topics->baseline.is_over ? sum : 0;
}

bool repair_take(shoal *engine, shoal_message kind, shoal_digest *digest)
{
    struct topics *topics = &engine->topics;
    bool is_reply = kind == SHOAL_MSG_ACK && topics->reply;
    if (!digest_is_on(engine) || (topics->streams.count == 0 && !is_reply))
        return false;
    if (is_reply)
        topics->reply = false;
    if (is_reply || kind == SHOAL_MSG_PING)
        digest->streams = sum_of_all(engine);
    return is_reply || digest->streams != 0;
}

/* ---- Heads ---- */

/* Those of `from` to `to` that fit, of which `to` then is the last one. If
 * `theirs` is given, only what it does not have. */
struct heads {
    uint32_t from, to;
    uint8_t flags;
    const struct topic_record *theirs;
};

/* Theirs, in the order of their hashes, as ours are. */
struct theirs {
    struct topic_record left;
    struct topic_entry entry;
    bool is_over;
};

static void next_of_theirs(struct theirs *theirs)
{
    theirs->is_over = !topic_record_next(&theirs->left, &theirs->entry);
}

static bool have_they(struct theirs *theirs, const struct topic_stream *stream)
{
    while (!theirs->is_over && theirs->entry.hash < stream->hash)
        next_of_theirs(theirs);
    return !theirs->is_over && theirs->entry.hash == stream->hash &&
           theirs->entry.number >= stream->top;
}

static bool has_room(const struct records *records)
{
    return records->room - records->size >= 4 + RECORD_MAX_VERSION;
}

/* Returns how many it lists. */
static uint32_t write_entries(shoal *engine, struct records *records,
                              struct heads *heads, struct theirs *theirs)
{
    const struct streams *streams = &engine->topics.streams;
    uint32_t count = 0;
    for (uint32_t i = streams_from(streams, heads->from);
         i < streams->count && streams->list[i]->hash <= heads->to; i++) {
        const struct topic_stream *stream = streams->list[i];
        struct topic_entry entry = {stream->hash, stream->top, 0};
        if (!is_listed(engine, stream) || have_they(theirs, stream))
            continue;
        if (!has_room(records)) {
            heads->to = stream->hash - 1;
            break;
        }
        topic_record_put_entry(records, RECORD_HEADS, &entry);
        count++;
    }
    return count;
}

static uint32_t write_heads(shoal *engine, struct records *records,
                            struct heads *heads)
{
    struct theirs theirs = {.is_over = true};
    topic_record_begin(records, RECORD_HEADS);
    record_put(records, heads->flags, 1);
    record_put(records, heads->from, 4);
    record_put(records, 0, 4);
    if (records->failed || !has_room(records)) {
        record_end(records);
        return 0;
    }
    uint8_t *to = records->bytes + records->size - 4;
    if (heads->theirs) {
        theirs.left = *heads->theirs;
        next_of_theirs(&theirs);
    }
    uint32_t count = write_entries(engine, records, heads, &theirs);
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(heads->to >> (24 - 8 * i));
    return record_end(records) ? count : 0;
}

static uint8_t ready(const shoal *engine)
{
    return engine->topics.baseline.is_over ? HEADS_READY : 0;
}

static void send_heads(shoal *engine, struct member *to, uint32_t from,
                       size_t room)
{
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
    size_t most = exchange_room(engine, to->identity);
    struct records records = {.bytes = buffer,
                              .room = room < most ? room : most};
    struct heads heads = {
        .from = from, .to = UINT32_MAX, .flags = ready(engine)};
    write_heads(engine, &records, &heads);
    if (records.size > 0)
        exchange_send(engine, to, &records);
}

/* The first of our streams that is told of: not always the same when they do
 * not all fit. */
static uint32_t anywhere(shoal *engine, size_t room)
{
    size_t each = 4 + RECORD_MAX_VERSION;
    return engine->topics.streams.count * each + RECORD_HEAD < room
               ? 0
               : (uint32_t)rng_next(&engine->rng);
}

void repair_compare(shoal *engine, struct identity *peer,
                    const shoal_header *header)
{
    struct topics *topics = &engine->topics;
    uint64_t pause_us = engine->config.probe_period_us / COMPARES
                        << topics->quiet;
    if (!digest_is_on(engine) || !topics->baseline.is_over ||
        header->digest.streams == sum_of_all(engine))
        return;
    topics->reply = header->kind == SHOAL_MSG_PING;
    struct member *member = members_find_active(&engine->members, peer);
    size_t room = topics->reply ? TO_A_PING : EXCHANGE_MAX_RECORDS;
    if (!member || engine->now_us - topics->compared_us < pause_us)
        return;
    topics->compared_us = engine->now_us;
    if (topics->quiet < MAX_QUIET)
        topics->quiet++;
    send_heads(engine, member, anywhere(engine, room), room);
}

static void take_head(shoal *engine, const struct topic_entry *entry)
{
    struct streams *streams = &engine->topics.streams;
    struct topic_stream *stream = streams_find(streams, entry->hash);
    if (!stream)
        stream = topics_add(engine, entry->hash);
    if (stream)
        topics_raise(engine, stream, entry->number);
}

/* What was published before we came is not for us. */
static void take_baseline(shoal *engine, const struct topic_entry *entry)
{
    struct streams *streams = &engine->topics.streams;
    struct topic_stream *stream = streams_find(streams, entry->hash);
    if (!stream)
        stream = topics_add(engine, entry->hash);
    if (!stream || stream->have > 1)
        return;
    if (stream->top < entry->number)
        stream->top = entry->number;
    stream->due = stream->have = entry->number + 1;
    stream->changed_us = engine->now_us;
    if (!stream->origin)
        stream->ask_us = engine->now_us;
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

static void on_baseline(shoal *engine, const struct topic_record *heads)
{
    struct topics *topics = &engine->topics;
    struct topic_record left = *heads;
    struct topic_entry entry;
    if (!(heads->flags & HEADS_READY) || heads->from != topics->baseline.from)
        return;
    while (topic_record_next(&left, &entry))
        take_baseline(engine, &entry);
    if (heads->to == UINT32_MAX) {
        end_baseline(engine);
        return;
    }
    topics->baseline.from = heads->to + 1;
    topics->baseline.ask_us = engine->now_us;
    topics->baseline.asks = 0;
    topics_plan(engine, engine->now_us);
}

static void on_heads(shoal *engine, const struct topic_record *theirs,
                     struct member *sender)
{
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
    struct topic_record left = *theirs;
    struct topic_entry entry;
    if (!engine->topics.baseline.is_over && theirs->flags & HEADS_ANSWER)
        on_baseline(engine, theirs);
    else if (engine->topics.baseline.is_over)
        while (topic_record_next(&left, &entry))
            take_head(engine, &entry);
    if (theirs->flags & HEADS_ANSWER ||
        !limits_pass_burst(&engine->limits, LIMIT_HEADS,
                           sender->identity->addr_hash, engine->now_us,
                           1000000 / HEADS, HEADS))
        return;
    struct records records = {.bytes = buffer,
                              .room = exchange_room(engine, sender->identity)};
    struct heads heads = {.from = theirs->from,
                          .to = theirs->to,
                          .theirs = theirs,
                          .flags = HEADS_ANSWER | ready(engine)};
    uint32_t count = write_heads(engine, &records, &heads);
    if (records.size > 0 && (count > 0 || !(theirs->flags & HEADS_READY)))
        exchange_send(engine, sender, &records);
}

/* ---- Gets ---- */

static void flush(shoal *engine, struct member *to, struct records *records,
                  uint32_t *packets)
{
    if (records->size > 0)
        exchange_send(engine, to, records);
    records->size = 0;
    ++*packets;
}

static bool put_item(struct records *records, const struct topic_stream *stream,
                     uint64_t number)
{
    const struct kept_item *held = stream_at(stream, number);
    return topic_record_put_item(
        records, held->flags, number, stream_topic(stream),
        identity_id(stream->origin), stream_data(held));
}

/* What we had and have no more, or (count 0) whose stream it is. */
static void put_stream(struct records *records,
                       const struct topic_stream *stream, uint64_t from)
{
    uint64_t first = stream_next_held(stream, from);
    topic_record_put_stream(records, first, stream->top, stream_topic(stream),
                            identity_id(stream->origin));
}

static void answer_get(shoal *engine, const struct topic_entry *entry,
                       struct member *to, struct records *records,
                       uint32_t *packets)
{
    const struct topic_stream *stream =
        streams_find(&engine->topics.streams, entry->hash);
    uint64_t from = entry->number ? entry->number : 1;
    if (!stream || !stream->origin)
        return;
    bool is_gone = from < stream->due && !stream_at(stream, from);
    if (entry->count == 0 || is_gone)
        put_stream(records, stream, from);
    for (uint64_t n = from; n < from + entry->count; n++) {
        if (!stream_at(stream, n) || put_item(records, stream, n))
            continue;
        flush(engine, to, records, packets);
        if (*packets >= MAX_PACKETS || !put_item(records, stream, n))
            return;
    }
}

static void on_get(shoal *engine, struct topic_record *get,
                   struct member *sender)
{
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
    struct records records = {.bytes = buffer,
                              .room = exchange_room(engine, sender->identity)};
    struct topic_entry entry;
    uint32_t packets = 0;
    if (!limits_pass_burst(&engine->limits, LIMIT_GET,
                           sender->identity->addr_hash, engine->now_us,
                           1000000 / GETS, BURST))
        return;
    while (packets < MAX_PACKETS && topic_record_next(get, &entry))
        answer_get(engine, &entry, sender, &records, &packets);
    if (packets < MAX_PACKETS)
        flush(engine, sender, &records, &packets);
}

/* ---- Asking for what is missing ---- */

/* The numbers that are missing together, and no more than one may ask for. */
static uint8_t missing(const struct topic_stream *stream)
{
    uint64_t next = stream_next_held(stream, stream->have);
    uint64_t count = next - stream->have;
    if (stream->have > stream->top)
        return 0;
    return (uint8_t)(count < GET_MOST ? count : GET_MOST);
}

static uint64_t pause_after(const struct topic_stream *stream)
{
    uint64_t pause_us = TOPICS_GAP_US;
    for (uint8_t i = PATIENT; i < stream->asks && pause_us < MAX_PAUSE_US; i++)
        pause_us *= 2;
    return pause_us < MAX_PAUSE_US ? pause_us : MAX_PAUSE_US;
}

static struct member *somebody(shoal *engine)
{
    struct member *member = NULL;
    if (members_pick(&engine->members, &engine->members.active, &engine->rng, 1,
                     members_alive, NULL, &member) == 0)
        members_pick(&engine->members, &engine->members.active, &engine->rng, 1,
                     NULL, NULL, &member);
    return member;
}

static struct member *origin_of(shoal *engine,
                                const struct topic_stream *stream)
{
    return stream->origin && stream->asks % TO_ORIGIN == TO_ORIGIN - 1
               ? members_find_active(&engine->members, stream->origin)
               : NULL;
}

/* A get in the making, to one member. */
struct get {
    struct member *to;
    struct records records;
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
};

static void begin_get(shoal *engine, struct get *get, struct member *to)
{
    get->to = to;
    get->records = (struct records){
        .bytes = get->buffer, .room = exchange_room(engine, to->identity)};
    topic_record_begin(&get->records, RECORD_GET);
}

static void end_get(shoal *engine, struct get *get)
{
    enum { EMPTY = ITEM_FRAME + 1 };
    if (get->records.size > EMPTY && record_end(&get->records))
        exchange_send(engine, get->to, &get->records);
}

static void write_get(struct get *get, const struct topic_stream *stream)
{
    struct topic_entry entry = {stream->hash, stream->have, missing(stream)};
    topic_record_put_entry(&get->records, RECORD_GET, &entry);
}

/* Nobody has it, or says so. */
static bool gives_up(shoal *engine, struct topic_stream *stream)
{
    if (stream->asks < ASKS)
        return false;
    stream->ask_us = engine->now_us + MAX_PAUSE_US;
    if (stream->origin)
        topics_skip(engine, stream, stream->top + 1);
    else
        streams_remove(&engine->topics.streams, &engine->mem, stream);
    return true;
}

static void ask(shoal *engine, struct topic_stream *stream, struct get *get)
{
    struct member *origin = origin_of(engine, stream);
    struct get of_origin;
    stream->asks++;
    stream->ask_us = engine->now_us + pause_after(stream);
    if (!origin) {
        write_get(get, stream);
        return;
    }
    begin_get(engine, &of_origin, origin);
    write_get(&of_origin, stream);
    end_get(engine, &of_origin);
}

static void ask_all(shoal *engine)
{
    struct streams *streams = &engine->topics.streams;
    struct member *to = somebody(engine);
    struct get get;
    if (!to)
        return;
    begin_get(engine, &get, to);
    for (uint32_t i = streams->count; i-- > 0;) {
        struct topic_stream *stream = streams->list[i];
        if (stream->ask_us > engine->now_us || !has_room(&get.records))
            continue;
        topics_advance(engine, stream); /* what memory was missing for */
        if (stream->ask_us <= engine->now_us && !gives_up(engine, stream))
            ask(engine, stream, &get);
    }
    end_get(engine, &get);
}

static bool is_voter(const struct topic_stream *stream, uint32_t voter)
{
    for (uint8_t i = 0; i < stream->votes; i++)
        if (stream->voters[i] == voter)
            return true;
    return false;
}

static void vote(shoal *engine, struct topic_stream *stream, uint64_t first,
                 const struct member *voter)
{
    uint32_t active = engine->members.active.count;
    uint32_t who = voter->identity->addr_hash;
    bool is_origin =
        bytes_equal(identity_id(stream->origin), identity_id(voter->identity));
    if (is_voter(stream, who) || stream->votes >= VOTES)
        return;
    if (stream->votes == 0 || first < stream->gone)
        stream->gone = first;
    stream->voters[stream->votes++] = who;
    if (is_origin || stream->votes >= (active < VOTES ? active : VOTES))
        topics_skip(engine, stream, is_origin ? first : stream->gone);
    else if (stream->ask_us > engine->now_us)
        stream->ask_us = engine->now_us; /* the next one */
    topics_plan(engine, engine->now_us);
}

static void on_stream(shoal *engine, const struct topic_record *record,
                      const struct member *sender)
{
    struct topic_stream *stream = topics_open(engine, record);
    if (!stream || stream->origin == engine->self)
        return;
    if (engine->topics.baseline.is_over)
        topics_raise(engine, stream, record->number);
    topics_advance(engine, stream);
    if (stream->have <= stream->top && record->first > stream->have)
        vote(engine, stream, record->first, sender);
}

/* ---- All of it ---- */

static void take(shoal *engine, struct topic_record *record,
                 struct member *sender)
{
    switch (record->kind) {
    case RECORD_HEADS:
        on_heads(engine, record, sender);
        break;
    case RECORD_GET:
        on_get(engine, record, sender);
        break;
    case RECORD_ITEM:
        topics_take(engine, record, true);
        break;
    case RECORD_STREAM:
        on_stream(engine, record, sender);
        break;
    }
}

void repair_receive(shoal *engine, shoal_bytes items,
                    const struct identity *sender)
{
    while (items.size > 0) {
        shoal_bytes item = items_take(&items);
        struct topic_record record;
        struct member *member = members_find_active(&engine->members, sender);
        if (member && topic_record_is(item.data[0]) &&
            topic_record_read(item, &record) == 0)
            take(engine, &record, member);
    }
}

void repair_begin(shoal *engine)
{
    struct topics *topics = &engine->topics;
    if (topics->baseline.is_over || !digest_is_on(engine))
        return;
    topics->baseline.asks = 0;
    topics->baseline.ask_us =
        engine->now_us + rng_next(&engine->rng) % (BASELINE_US / 2);
    topics_plan(engine, topics->baseline.ask_us);
}

static void ask_for_baseline(shoal *engine)
{
    struct topics *topics = &engine->topics;
    struct member *to = somebody(engine);
    if (topics->baseline.ask_us > engine->now_us)
        return;
    if (topics->baseline.asks >= BASELINE_ASKS) {
        end_baseline(engine);
        return;
    }
    topics->baseline.ask_us =
        engine->now_us + ((uint64_t)BASELINE_US << topics->baseline.asks++);
    if (to)
        send_heads(engine, to, topics->baseline.from, EXCHANGE_MAX_RECORDS);
}

uint64_t repair_tick(shoal *engine)
{
    const struct topics *topics = &engine->topics;
    uint64_t next_us;
    ask_for_baseline(engine);
    if (topics->baseline.is_over)
        ask_all(engine);
    next_us = topics->baseline.ask_us;
    for (uint32_t i = 0; topics->baseline.is_over && i < topics->streams.count;
         i++)
        if (topics->streams.list[i]->ask_us < next_us)
            next_us = topics->streams.list[i]->ask_us;
    return next_us > engine->now_us ? next_us : engine->now_us + 1000;
}
