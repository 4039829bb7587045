/* SPDX-License-Identifier: MIT */
#include "repair_parts.h"

#include "../digest.h"
#include "../engine.h"
#include "../records/items.h"
#include "../send.h"

enum {
    MAX_PACKETS = 3, /* that a get brings */
    MAX_GAPS = 16,   /* of a stream, that one asks for */
    VOTES = 3,       /* of members that have a number no more */
    ASKS = 16,       /* that somebody can have answered: it is given up, */
    MORE_ASKS = 4,   /* of gaps behind one that others lacked, too, */
    TO_ORIGIN = 3,   /* each third time the origin is asked */
    PATIENT = 6,     /* times; then pauses double */
    MAX_PAUSE_US = 1000000,
    GIVE_UP_US = 60000000, /* or when nobody has it any more */
    GETS = 50,             /* a peer and second, */
    BURST = 50
};

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

/* The first number from there on that others may get: it is here, or we miss
 * it, too. What we had and have no more, or its origin, is gone. */
static uint64_t first_left(const struct topic_stream *stream, uint64_t from)
{
    uint64_t held = stream_next_held(stream, from);
    uint64_t gone = stream->due > stream->kept ? stream->due : stream->kept;
    if (from >= gone)
        return from;
    return held < gone ? held : gone;
}

/* The same, of what this entry and those behind it ask for: many gaps that
 * nobody can fill any more are one question. */
static uint64_t first_asked(const struct topic_stream *stream,
                            const struct topic_entry *entry,
                            struct topic_record behind)
{
    struct topic_entry asked = *entry;
    uint64_t end = asked.number;
    do {
        uint64_t first = first_left(stream, asked.number);
        end = asked.number + asked.count;
        if (first < end)
            return first;
    } while (topic_record_next(&behind, &asked) && asked.hash == entry->hash &&
             asked.number >= end);
    return first_left(stream, end);
}

/* What there is of what is asked for, or (count 0) whose stream it is. An
 * origin has all from some number on. */
static void put_stream(const shoal *engine, struct records *records,
                       const struct topic_stream *stream,
                       const struct topic_entry *entry,
                       const struct topic_record *behind)
{
    bool has_all = topics_is_ours(engine, stream) || entry->count == 0;
    uint64_t first = has_all ? first_left(stream, entry->number)
                             : first_asked(stream, entry, *behind);
    topic_record_put_stream(records, first, stream->top, stream_topic(stream),
                            identity_id(stream->origin));
}

/* Somebody misses it: we keep it for a while, whatever else we publish. */
static void note_wanted(const shoal *engine, struct topic_stream *stream,
                        uint64_t number)
{
    bool is_old = stream->wanted_us + TOPICS_WANTED_US <= engine->now_us;
    if (!is_old && number > stream->wanted)
        return;
    stream->wanted = number;
    stream->wanted_us = engine->now_us;
}

/* `behind`: the entries after it, if it is the lowest of its stream in this
 * get; else NULL. Only of the lowest we may say that it is not here, for
 * whoever hears it takes it for what is missing first. */
static void answer_get(shoal *engine, const struct topic_entry *entry,
                       const struct topic_record *behind, struct member *to,
                       struct records *records, uint32_t *packets)
{
    struct topic_stream *stream =
        streams_find(&engine->topics.streams, entry->hash);
    uint64_t from = entry->number;
    if (!stream || !stream->origin)
        return;
    if (behind && entry->count > 0 && topics_is_ours(engine, stream))
        note_wanted(engine, stream, from);
    if (entry->count == 0 || (behind && !stream_at(stream, from)))
        put_stream(engine, records, stream, entry, behind);
    for (uint64_t n = from; n < from + entry->count; n++) {
        if (!stream_at(stream, n) || put_item(records, stream, n))
            continue;
        flush(engine, to, records, packets);
        if (*packets >= MAX_PACKETS || !put_item(records, stream, n))
            return;
    }
}

static void answer_all(shoal *engine, struct topic_record *get,
                       struct member *to, struct records *records,
                       uint32_t *packets)
{
    struct topic_entry entry, before = {0};
    bool is_first = true;
    while (*packets < MAX_PACKETS && topic_record_next(get, &entry)) {
        bool is_lowest = is_first || entry.hash != before.hash;
        if (entry.number == 0)
            entry.number = 1;
        answer_get(engine, &entry, is_lowest ? get : NULL, to, records,
                   packets);
        before = entry;
        is_first = false;
    }
}

static void on_get(shoal *engine, struct topic_record *get,
                   struct member *sender)
{
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
    struct records records = {.bytes = buffer,
                              .room = exchange_room(engine, sender->identity)};
    uint32_t packets = 0;
    if (!limits_pass_burst(&engine->limits, LIMIT_GET,
                           sender->identity->addr_hash, engine->now_us,
                           1000000 / GETS, BURST))
        return;
    answer_all(engine, get, sender, &records, &packets);
    if (packets < MAX_PACKETS)
        flush(engine, sender, &records, &packets);
}

/* ---- Asking for what is missing ---- */

/* The numbers from `from` on that are missing together, and no more than one
 * may ask for. */
static uint8_t missing(const struct topic_stream *stream, uint64_t from)
{
    uint64_t count = stream_next_held(stream, from) - from;
    if (from > stream->top)
        return 0;
    return (uint8_t)(count < GET_MOST ? count : GET_MOST);
}

/* The first number from `from` on that is not here; `top` + 1: all are. */
static uint64_t next_missing(const struct topic_stream *stream, uint64_t from)
{
    while (from <= stream->top && stream_at(stream, from))
        from++;
    return from;
}

static uint64_t pause_after(const struct topic_stream *stream)
{
    uint64_t pause_us = TOPICS_GAP_US;
    for (uint8_t i = PATIENT; i < stream->asks && pause_us < MAX_PAUSE_US; i++)
        pause_us *= 2;
    return pause_us < MAX_PAUSE_US ? pause_us : MAX_PAUSE_US;
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

/* What is missing first, and, of a stream whose origin is known, more of it. */
static void write_get(struct get *get, const struct topic_stream *stream)
{
    uint64_t number = stream->have;
    uint32_t gaps = stream->origin ? MAX_GAPS : 1;
    do {
        struct topic_entry entry = {stream->hash, number,
                                    missing(stream, number)};
        topic_record_put_entry(&get->records, RECORD_GET, &entry);
        number = next_missing(stream, number + entry.count);
    } while (--gaps > 0 && number <= stream->top &&
             repair_has_room(&get->records));
}

/* The gap behind one that is given up is missed since something was last heard
 * of the stream, at the latest. If it was known when the first was, and others
 * lack that, too, it was asked for as often: a few more questions do. */
static void shorten_next(struct topic_stream *stream, uint64_t known,
                         bool all_lack)
{
    stream->gap_us = stream->changed_us;
    if (stream->have > known || !all_lack)
        return;
    stream->heard = ASKS - MORE_ASKS;
    stream->lacks = VOTES;
    stream->gap_top = known;
}

/* What is missing next will not come, as nobody has it. */
static void give_up_gap(shoal *engine, struct topic_stream *stream)
{
    bool all_lack = stream->lacks >= VOTES;
    uint64_t known = stream->gap_top, before = stream->have;
    topics_skip(engine, stream, stream_next_held(stream, before));
    if (stream->have > before && stream->have <= stream->top)
        shorten_next(stream, known, all_lack);
}

/* Nobody has it, or says so. Whoever reaches nobody has not asked. */
static bool gives_up(shoal *engine, struct topic_stream *stream)
{
    if (stream->heard < ASKS && engine->now_us - stream->gap_us < GIVE_UP_US)
        return false;
    bool has_begun = stream->due > 1;
    stream->ask_us = engine->now_us + MAX_PAUSE_US;
    if (stream->origin)
        give_up_gap(engine, stream);
    else if (has_begun && stream->have > stream->top)
        topics_forget_asking(stream); /* its origin may come back */
    else
        streams_remove(&engine->topics.streams, &engine->mem, stream);
    return true;
}

static void note_asked(shoal *engine, struct topic_stream *stream)
{
    if (stream->asks < UINT8_MAX)
        stream->asks++;
    stream->heard += engine->heard.last_us >= stream->asked_us;
    stream->asked_us = engine->now_us;
    stream->ask_us = engine->now_us + pause_after(stream);
}

static void ask(shoal *engine, struct topic_stream *stream, struct get *get)
{
    struct member *origin = origin_of(engine, stream);
    struct get of_origin;
    note_asked(engine, stream);
    if (!origin) {
        write_get(get, stream);
        return;
    }
    begin_get(engine, &of_origin, origin);
    write_get(&of_origin, stream);
    end_get(engine, &of_origin);
}

/* `get`: NULL, there is nobody to ask. */
static void ask_for(shoal *engine, struct topic_stream *stream, struct get *get)
{
    topics_advance(engine, stream); /* what memory was missing for */
    if (stream->ask_us > engine->now_us || gives_up(engine, stream))
        return;
    if (get)
        ask(engine, stream, get);
    else
        note_asked(engine, stream);
}

static void ask_all(shoal *engine)
{
    struct streams *streams = &engine->topics.streams;
    struct member *to = members_pick_one(&engine->members, &engine->rng);
    struct get get;
    if (to)
        begin_get(engine, &get, to);
    for (uint32_t i = streams->count; i-- > 0;)
        if (streams->list[i]->ask_us <= engine->now_us &&
            !(to && !repair_has_room(&get.records)))
            ask_for(engine, streams->list[i], to ? &get : NULL);
    if (to)
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
    if (is_voter(stream, who) || stream->votes >= VOTES)
        return;
    if (stream->votes == 0 || first < stream->gone)
        stream->gone = first;
    stream->voters[stream->votes++] = who;
    if (stream->asks > PATIENT) /* they answer */
        stream->asks = PATIENT;
    if (stream->votes >= (active < VOTES ? active : VOTES))
        topics_skip(engine, stream, stream->gone);
    else
        topics_ask_within(engine, stream, 0); /* the next one */
}

/* The one that was asked misses it, too: the next one is asked at once. */
static void note_lack(shoal *engine, struct topic_stream *stream)
{
    stream->lacks += stream->lacks < UINT8_MAX;
    if (stream->asks < PATIENT)
        topics_ask_within(engine, stream, 0);
}

static void on_stream(shoal *engine, const struct topic_record *record,
                      const struct member *sender)
{
    struct topic_stream *stream = topics_open(engine, record);
    if (!stream || topics_is_ours(engine, stream))
        return;
    if (engine->topics.baseline.is_over)
        topics_raise(engine, stream, record->number);
    if (sender->identity == stream->origin && record->first > stream->kept)
        stream->kept = record->first;
    topics_advance(engine, stream);
    if (stream->have > stream->top)
        return;
    if (record->first > stream->have)
        vote(engine, stream, record->first, sender);
    else if (record->first == stream->have)
        note_lack(engine, stream);
}

/* ---- All of it ---- */

static void take(shoal *engine, struct topic_record *record,
                 struct member *sender)
{
    switch (record->kind) {
    case RECORD_HEADS:
        repair_on_heads(engine, record, sender);
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

uint64_t repair_tick(shoal *engine)
{
    const struct topics *topics = &engine->topics;
    uint64_t sweep_us = repair_sweep(engine), next_us;
    repair_ask_baseline(engine);
    if (topics->baseline.is_over)
        ask_all(engine);
    next_us =
        topics->baseline.ask_us < sweep_us ? topics->baseline.ask_us : sweep_us;
    for (uint32_t i = 0; topics->baseline.is_over && i < topics->streams.count;
         i++)
        if (topics->streams.list[i]->ask_us < next_us)
            next_us = topics->streams.list[i]->ask_us;
    return next_us > engine->now_us ? next_us : engine->now_us + 1000;
}
