/* SPDX-License-Identifier: MIT */
#include "fetch.h"

#include "engine.h"
#include "exchange.h"
#include "records/items.h"
#include "records/record.h"

enum {
    MAX_TRIES = 6, /* without an answer */
    TURNS = 64,    /* of a peer in a probe period, */
    BURST = 64     /* so many of them at once */
};

struct fetch {
    struct fetch *next;
    struct identity *owner, *from; /* both held */
    uint64_t version, due_us;
    uint16_t size, got;
    uint8_t tries;
    bool is_news; /* to be passed on */
    uint8_t bytes[];
};

/* ---- What is on its way ---- */

void fetch_init(struct fetches *fetches)
{
    *fetches = (struct fetches){.at_us = SHOAL_NEVER};
}

static struct fetch *take_out(shoal *engine, struct fetch **place)
{
    struct fetch *fetch = *place;
    *place = fetch->next;
    engine->fetches.count--;
    engine->tags_held -= fetch->size;
    return fetch;
}

static void free_fetch(shoal *engine, struct fetch *fetch)
{
    identity_release(&engine->mem, fetch->owner);
    identity_release(&engine->mem, fetch->from);
    mem_free(&engine->mem, fetch, sizeof *fetch + fetch->size);
}

void fetch_clear(shoal *engine)
{
    while (engine->fetches.first)
        free_fetch(engine, take_out(engine, &engine->fetches.first));
}

static struct fetch **find(shoal *engine, const struct identity *owner)
{
    struct fetch **place = &engine->fetches.first;
    while (*place && (*place)->owner != owner)
        place = &(*place)->next;
    return place;
}

static void plan(shoal *engine)
{
    engine->fetches.at_us = SHOAL_NEVER;
    for (const struct fetch *i = engine->fetches.first; i; i = i->next)
        if (i->due_us < engine->fetches.at_us)
            engine->fetches.at_us = i->due_us;
}

/* ---- Asking ---- */

/* Whose turn it is: the one that told it, then the owner, and so on. */
static struct identity *asked(const struct fetch *fetch)
{
    return fetch->tries % 2 == 1 ? fetch->from : fetch->owner;
}

static void ask(shoal *engine, struct fetch *fetch)
{
    uint8_t buffer[RECORD_FETCH_SIZE];
    struct records records = {.bytes = buffer, .room = sizeof buffer};
    fetch->due_us = engine->now_us +
                    ((engine->config.probe_rtt_us / 5 + 1) << fetch->tries);
    fetch->tries++;
    struct member *to = members_find_active(&engine->members, asked(fetch));
    if (!to)
        return;
    record_begin(&records, RECORD_FETCH, (struct cell){0});
    record_put(&records, fetch->owner->wire_hash, 4);
    record_put(&records, fetch->version, RECORD_VERSION_SIZE);
    record_put(&records, fetch->got, 2);
    record_end(&records);
    exchange_ask(engine, to, &records);
}

static struct identity *teller(shoal *engine, struct member *member)
{
    const struct who *who = engine->sender.who;
    struct member *sender =
        who ? members_find_id(&engine->members, who->id, who->hash) : NULL;
    return identity_retain((sender ? sender : member)->identity);
}

bool fetch_is_going_on(shoal *engine, const struct member *member,
                       uint64_t version)
{
    const struct fetch *fetch = *find(engine, member->identity);
    return fetch && fetch->version >= version;
}

int fetch_begin(shoal *engine, struct member *member, const shoal_update *claim)
{
    struct fetch **place = find(engine, member->identity);
    if (*place)
        free_fetch(engine, take_out(engine, place));
    if (engine->fetches.count == FETCH_MOST)
        return 0;
    struct fetch *fetch =
        mem_alloc(&engine->mem, sizeof *fetch + claim->tags_size);
    if (!fetch)
        return SHOAL_ERR_NOMEM;
    *fetch = (struct fetch){.next = engine->fetches.first,
                            .owner = identity_retain(member->identity),
                            .from = teller(engine, member),
                            .version = claim->tags_version,
                            .size = claim->tags_size,
                            .is_news = !engine->sender.tells};
    engine->fetches.first = fetch;
    engine->fetches.count++;
    engine->tags_held += fetch->size;
    ask(engine, fetch);
    plan(engine);
    return 0;
}

static bool give_up(shoal *engine, struct fetch **place)
{
    struct fetch *fetch = *place;
    struct member *owner = members_find_active(&engine->members, fetch->owner);
    if (owner && fetch->tries < MAX_TRIES)
        return false;
    if (owner)
        tags_ignore(engine, owner, SHOAL_DROP_TAGS_UNFINISHED, fetch->size);
    free_fetch(engine, take_out(engine, place));
    return true;
}

void fetch_tick(shoal *engine)
{
    struct fetch **place = &engine->fetches.first;
    if (engine->fetches.at_us > engine->now_us)
        return;
    while (*place) {
        bool is_due = (*place)->due_us <= engine->now_us;
        if (is_due && give_up(engine, place))
            continue;
        if (is_due)
            ask(engine, *place);
        place = &(*place)->next;
    }
    plan(engine);
}

/* ---- Answering ---- */

static const struct tags *tags_of(const shoal *engine, uint32_t hash)
{
    if (hash == engine->self->wire_hash)
        return engine->own_tags.said;
    const struct member *member = cells_find(&engine->members, hash);
    return member ? member->tags : NULL;
}

static bool has_it(const struct tags *tags, const struct record *record)
{
    return tags && tags_version(tags) == record->version && !tags->is_ignored &&
           record->offset < tags->size;
}

static void answer(shoal *engine, const struct record *record,
                   struct identity *asker)
{
    uint8_t buffer[EXCHANGE_MAX_RECORDS];
    struct records records = {
        .bytes = buffer,
        .room = exchange_answer_room(engine, identity_id(asker))};
    struct member *to = members_find_active(&engine->members, asker);
    const struct tags *tags = tags_of(engine, record->hash);
    if (!to || !has_it(tags, record) || records.room <= RECORD_PART_HEAD ||
        !limits_pass_burst(&engine->limits, LIMIT_PART, asker->addr_hash,
                           engine->now_us,
                           engine->config.probe_period_us / TURNS, BURST))
        return;
    size_t size = tags->size - record->offset;
    if (size > records.room - RECORD_PART_HEAD)
        size = records.room - RECORD_PART_HEAD;
    record_begin(&records, RECORD_PART, (struct cell){0});
    record_put(&records, record->hash, 4);
    record_put(&records, record->version, RECORD_VERSION_SIZE);
    record_put(&records, record->offset, 2);
    record_put_bytes(&records, bytes_of(tags->bytes + record->offset, size));
    record_end(&records);
    exchange_ask(engine, to, &records);
}

/* ---- What comes in ---- */

static int finish(shoal *engine, struct fetch **place)
{
    struct fetch *fetch = take_out(engine, place);
    struct member *owner = members_find_active(&engine->members, fetch->owner);
    shoal_update claim = {.id = identity_id(fetch->owner),
                          .tags_version = fetch->version,
                          .tags = bytes_of(fetch->bytes, fetch->size)};
    int error = owner ? tags_take(engine, owner, &claim, fetch->is_news) : 0;
    free_fetch(engine, fetch);
    return error;
}

static int take_part(shoal *engine, const struct record *record,
                     const struct identity *sender)
{
    struct fetch **place = &engine->fetches.first;
    while (*place && ((*place)->owner->wire_hash != record->hash ||
                      (*place)->version != record->version))
        place = &(*place)->next;
    struct fetch *fetch = *place;
    if (!fetch || record->offset != fetch->got ||
        (sender != fetch->from && sender != fetch->owner) ||
        record->body.size > (size_t)fetch->size - fetch->got)
        return 0;
    bytes_copy(fetch->bytes + fetch->got, record->body);
    fetch->got += (uint16_t)record->body.size;
    if (fetch->got == fetch->size)
        return finish(engine, place);
    fetch->tries = asked(fetch) == fetch->from ? 0 : 1;
    ask(engine, fetch);
    return 0;
}

/* One part for a packet that asks, not more. */
int fetch_receive(shoal *engine, shoal_bytes items, struct identity *sender)
{
    bool is_answered = false;
    int error = 0;
    while (items.size > 0 && !error) {
        struct record record;
        if (record_read(items_take(&items), &record))
            continue;
        if (record.kind == RECORD_FETCH && !is_answered) {
            answer(engine, &record, sender);
            is_answered = true;
        }
        if (record.kind == RECORD_PART)
            error = take_part(engine, &record, sender);
    }
    plan(engine);
    return error;
}
