/* SPDX-License-Identifier: MIT */
/* Tails: how far does everybody know each stream? */
#include "../digest.h"
#include "../engine.h"
#include "../send.h"
#include "repair_parts.h"

enum {
    LISTED_PERIODS = 48, /* after the last item of an origin that is gone */
    TO_A_PING = 128,     /* bytes of heads that answer it: it may be forged */
    SWEEPS = 8,          /* packets of heads in a probe period */
    MAX_QUIET = 5,       /* pauses double so often */
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
           topics_is_ours(engine, stream) ||
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
    if (!topics->baseline.is_over)
        return 0;
    for (uint32_t i = 0; i < topics->streams.count; i++) {
        const struct topic_stream *stream = topics->streams.list[i];
        if (is_listed(engine, stream) && is_settled(engine, stream))
            sum ^= cells_part(stream->hash, stream->top);
    }
    return sum;
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

static uint64_t number_for(const struct heads *heads,
                           const struct topic_stream *stream)
{
    uint64_t number = stream->top;
    const struct kept_item *item;
    if (!heads->is_for_new)
        return number;
    if (number >= stream->due)
        number = stream->due - 1; /* what we miss is new, too */
    while ((item = stream_at(stream, number)) && item->at_us > heads->until_us)
        number--;
    /* What is new and was dropped it gets from others, or is told. */
    return item ? number : stream_gone_by(stream, number, heads->until_us);
}

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

/* Whoever does not know yet which streams there are knows where some are: its
 * own, those that it hears, and those of which somebody told it. */
static bool is_told(const shoal *engine, const struct heads *heads,
                    const struct topic_stream *stream)
{
    if (heads->flags & HEADS_LATER)
        return false;
    if (!engine->topics.baseline.is_over)
        return stream->due > 1;
    return heads->is_for_new || is_listed(engine, stream);
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
        if (!is_told(engine, heads, stream))
            continue;
        struct topic_entry entry = {stream->hash, number_for(heads, stream), 0};
        if (entry.number == 0 || have_they(theirs, stream))
            continue;
        if (!repair_has_room(records)) {
            heads->to = stream->hash - 1;
            break;
        }
        topic_record_put_entry(records, RECORD_HEADS, &entry);
        count++;
    }
    return count;
}

uint32_t repair_write_heads(shoal *engine, struct records *records,
                            struct heads *heads)
{
    struct theirs theirs = {.is_over = true};
    topic_record_begin(records, RECORD_HEADS);
    record_put(records, heads->flags, 1);
    if (topic_record_asks(heads->flags))
        record_put(records, repair_age_ms(engine), 2);
    if (heads->flags & HEADS_LATER)
        record_put(records, engine->topics.baseline.teacher, 4);
    record_put(records, heads->from, 4);
    record_put(records, 0, 4);
    if (records->failed || !repair_has_room(records)) {
        record_end(records);
        return 0;
    }
    uint8_t *to = records->bytes + records->size - 4;
    if (heads->theirs) {
        theirs.left = *heads->theirs;
        next_of_theirs(&theirs);
    }
    uint32_t count = write_entries(engine, records, heads, &theirs);
    bytes_put_u16be(to, heads->to >> 16);
    bytes_put_u16be(to + 2, heads->to);
    return record_end(records) ? count : 0;
}

static uint8_t ready(const shoal *engine)
{
    return engine->topics.baseline.is_over ? HEADS_READY : 0;
}

uint32_t repair_send_heads(shoal *engine, struct member *to, uint32_t from,
                           size_t room)
{
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
    size_t most = exchange_room(engine, to->identity);
    struct records records = {.bytes = buffer,
                              .room = room < most ? room : most};
    struct heads heads = {
        .from = from, .to = UINT32_MAX, .flags = ready(engine)};
    repair_write_heads(engine, &records, &heads);
    if (records.size == 0)
        return UINT32_MAX;
    exchange_send(engine, to, &records);
    return heads.to;
}

/* Each stream is told of as often as any other, those with low hashes, too. */
static uint32_t anywhere(shoal *engine, size_t room)
{
    const struct streams *streams = &engine->topics.streams;
    size_t each = 4 + RECORD_MAX_VERSION, fit = room / each + 1;
    if (streams->count * each + RECORD_HEAD < room)
        return 0;
    size_t at = rng_next(&engine->rng) % (streams->count + fit);
    return at < fit ? 0 : streams->list[at - fit]->hash;
}

/* Tells the heads from there on, and plans to tell the rest, to random members.
 */
static void sweep(shoal *engine, struct member *to, uint32_t from)
{
    struct topics *topics = &engine->topics;
    uint32_t last = repair_send_heads(engine, to, from, EXCHANGE_MAX_RECORDS);
    topics->sweep.at_us = SHOAL_NEVER;
    if (last == UINT32_MAX) {
        topics->quiet += topics->quiet < MAX_QUIET;
        return;
    }
    topics->sweep.from = last + 1;
    topics->sweep.at_us =
        engine->now_us + engine->config.probe_period_us / SWEEPS;
    topics_plan(engine, topics->sweep.at_us);
}

uint64_t repair_sweep(shoal *engine)
{
    struct topics *topics = &engine->topics;
    if (topics->sweep.at_us > engine->now_us)
        return topics->sweep.at_us;
    struct member *to = members_pick_one(&engine->members, &engine->rng);
    if (to)
        sweep(engine, to, topics->sweep.from);
    else
        topics->sweep.at_us = SHOAL_NEVER;
    return topics->sweep.at_us;
}

void repair_compare(shoal *engine, struct identity *peer,
                    const shoal_header *header)
{
    struct topics *topics = &engine->topics;
    uint64_t pause_us = engine->config.probe_period_us / COMPARES
                        << topics->quiet;
    if (topics->baseline.ask_us == SHOAL_NEVER)
        repair_begin(engine);
    if (!digest_is_on(engine) || !topics->baseline.is_over ||
        header->digest.streams == sum_of_all(engine))
        return;
    topics->reply = header->kind == SHOAL_MSG_PING;
    struct member *member = members_find_active(&engine->members, peer);
    if (!member || topics->sweep.at_us != SHOAL_NEVER ||
        engine->now_us - topics->compared_us < pause_us)
        return;
    topics->compared_us = engine->now_us;
    if (topics->reply)
        repair_send_heads(engine, member, anywhere(engine, TO_A_PING),
                          TO_A_PING);
    else
        sweep(engine, member, 0);
}

static void take_head(shoal *engine, const struct topic_entry *entry)
{
    struct topic_stream *stream = topics_get(engine, entry->hash);
    if (stream)
        topics_raise(engine, stream, entry->number);
}

void repair_on_heads(shoal *engine, const struct topic_record *theirs,
                     struct member *sender)
{
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
    struct topic_record left = *theirs;
    struct topic_entry entry;
    bool asks = topic_record_asks(theirs->flags);
    if (!engine->topics.baseline.is_over && theirs->flags & HEADS_ANSWER) {
        repair_on_baseline(engine, theirs, sender);
        return;
    }
    if (!(theirs->flags & HEADS_ANSWER) &&
        !limits_pass_burst(&engine->limits, LIMIT_HEADS,
                           sender->identity->addr_hash, engine->now_us,
                           1000000 / HEADS, HEADS))
        return;
    if (engine->topics.baseline.is_over)
        while (topic_record_next(&left, &entry))
            take_head(engine, &entry);
    if (theirs->flags & HEADS_ANSWER)
        return;
    struct records records = {.bytes = buffer,
                              .room = exchange_room(engine, sender->identity)};
    struct heads heads = {.from = theirs->from,
                          .to = theirs->to,
                          .theirs = asks ? NULL : theirs,
                          .is_for_new = asks,
                          .until_us =
                              repair_old_until(engine, theirs->age_ms, sender),
                          .flags = HEADS_ANSWER | ready(engine)};
    if (asks)
        heads.flags |= repair_is_later(engine, theirs);
    uint32_t count = repair_write_heads(engine, &records, &heads);
    if (records.size > 0 && (count > 0 || asks))
        exchange_send(engine, sender, &records);
}
