/* SPDX-License-Identifier: MIT */
#include "exchange_parts.h"

#include "ask.h"
#include "engine.h"
#include "send.h"

#include <stdlib.h>

enum { COOKIES = 14 /* bytes of them in a header */ };

static size_t room_in(const shoal *engine, size_t packet, size_t to)
{
    size_t names =
        identity_id(engine->self).size + to + SEND_OVERHEAD + COOKIES;
    size_t room = names < packet ? packet - names : 0;
    return room < EXCHANGE_MAX_RECORDS ? room : EXCHANGE_MAX_RECORDS;
}

size_t exchange_room_for(const shoal *engine, size_t id)
{
    return room_in(engine, engine->config.max_packet_size, id);
}

size_t exchange_room(const shoal *engine, const struct identity *to)
{
    return exchange_room_for(engine, to->size);
}

size_t exchange_answer_room(const shoal *engine, shoal_bytes to)
{
    return room_in(engine,
                   cookie_room(engine, cookie_is_back(engine, to), true,
                               engine->config.max_packet_size),
                   to.size);
}

/* ---- What both sides write ---- */

int exchange_by_hash(const void *a, const void *b)
{
    uint32_t left = ((const struct entry_of *)a)->hash;
    uint32_t right = ((const struct entry_of *)b)->hash;
    return left < right ? -1 : left > right;
}

struct entry_of exchange_entry(const struct member *member)
{
    return (struct entry_of){member->identity->wire_hash,
                             tags_version(member->tags)};
}

struct entry_of exchange_own_entry(const shoal *engine)
{
    return (struct entry_of){engine->self->wire_hash,
                             tags_version(engine->own_tags.said)};
}

bool exchange_write_list(shoal *engine, struct records *records,
                         struct cell cell)
{
    struct entry_of entries[EXCHANGE_MAX_RECORDS / 5];
    const uint32_t most = sizeof entries / sizeof *entries;
    uint32_t count = 0;
    struct cell_walk walk = cells_walk(&engine->members, cell, 0);
    if (cell_has(cell, engine->self->wire_hash))
        entries[count++] = exchange_own_entry(engine);
    for (const struct member *member;
         (member = cells_next(&engine->members, &walk));) {
        if (count == most)
            return false;
        entries[count++] = exchange_entry(member);
    }
    qsort(entries, count, sizeof *entries, exchange_by_hash);
    record_begin(records, RECORD_LIST, cell);
    for (uint32_t i = 0; i < count; i++) {
        record_put(records, entries[i].hash, 4);
        record_put_version(records, entries[i].version);
    }
    return record_end(records);
}

uint32_t exchange_sum(const shoal *engine, struct cell cell)
{
    return cells_sum(&engine->members, cell) ^ digest_own_part(engine, cell);
}

bool exchange_write_sums(shoal *engine, struct records *records,
                         struct cell cell, uint8_t split)
{
    record_begin(records, RECORD_SUMS, cell);
    record_put(records, split, 1);
    for (uint32_t i = 0; i < 1u << split; i++)
        record_put(records, exchange_sum(engine, cell_sub(cell, split, i)), 4);
    return record_end(records);
}

static void send_records(shoal *engine, struct member *to,
                         struct records *records, bool compares)
{
    struct tell_list telling = {
        .records = records, .is_last = true, .compares = compares};
    struct who who;
    who_from(&who, to->identity);
    send_exchange(engine, &who, &telling);
}

void exchange_send(shoal *engine, struct member *to, struct records *records)
{
    send_records(engine, to, records, false);
}

void exchange_ask(shoal *engine, struct member *to, struct records *records)
{
    send_records(engine, to, records, true);
}
