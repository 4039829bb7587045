/* SPDX-License-Identifier: MIT */
#include "topic_record.h"

#include "../table/stream.h"

/* ---- Reading ---- */

static shoal_bytes take(shoal_bytes *from, size_t size)
{
    shoal_bytes taken = bytes_of(from->data, size);
    *from = bytes_of(from->data + size, from->size - size);
    return taken;
}

static bool take_u8(shoal_bytes *from, uint8_t *value)
{
    if (from->size < 1)
        return false;
    *value = take(from, 1).data[0];
    return true;
}

static bool take_u32(shoal_bytes *from, uint32_t *value)
{
    if (from->size < 4)
        return false;
    *value = bytes_u32be(take(from, 4).data);
    return true;
}

static bool take_number(shoal_bytes *from, uint64_t *number)
{
    return record_take_version(from, number) && *number < TOPIC_MAX_NUMBER;
}

static bool take_topic(shoal_bytes *from, shoal_bytes *topic)
{
    uint8_t size;
    if (!take_u8(from, &size) || size == 0 || size > STREAM_MAX_TOPIC ||
        size > from->size)
        return false;
    *topic = take(from, size);
    return true;
}

static bool take_origin(shoal_bytes *from, shoal_bytes *origin)
{
    if (from->size < 2)
        return false;
    size_t size = bytes_u16be(take(from, 2).data);
    if (size == 0 || size > SHOAL_MAX_IDENTITY || size > from->size)
        return false;
    *origin = take(from, size);
    return true;
}

static bool take_entry(const struct topic_record *record, shoal_bytes *from,
                       struct topic_entry *entry)
{
    *entry = (struct topic_entry){0};
    if (!take_u32(from, &entry->hash) || !take_number(from, &entry->number))
        return false;
    return record->kind == RECORD_HEADS ||
           (take_u8(from, &entry->count) && entry->count <= GET_MOST);
}

bool topic_record_next(struct topic_record *record, struct topic_entry *entry)
{
    return record->body.size > 0 && take_entry(record, &record->body, entry);
}

/* In their range, and in order: no hash twice. */
static bool are_heads(const struct topic_record *record)
{
    shoal_bytes body = record->body;
    struct topic_entry entry;
    uint64_t next = record->from;
    while (body.size > 0) {
        if (!take_entry(record, &body, &entry) || entry.hash < next ||
            entry.hash > record->to)
            return false;
        next = (uint64_t)entry.hash + 1;
    }
    return record->from <= record->to;
}

static bool is_get(const struct topic_record *record)
{
    shoal_bytes body = record->body;
    struct topic_entry entry;
    while (body.size > 0)
        if (!take_entry(record, &body, &entry))
            return false;
    return true;
}

/* Only who asks where to begin has one. */
static bool take_age(struct topic_record *record)
{
    if (!topic_record_asks(record->flags))
        return true;
    if (record->body.size < 2)
        return false;
    record->age_ms = bytes_u16be(take(&record->body, 2).data);
    return true;
}

/* Only who came later than whoever asked names one. */
static bool take_teacher(struct topic_record *record)
{
    return !(record->flags & HEADS_LATER) ||
           take_u32(&record->body, &record->teacher);
}

static bool read_body(struct topic_record *record)
{
    shoal_bytes *body = &record->body;
    switch (record->kind) {
    case RECORD_HEADS:
        return take_u8(body, &record->flags) && take_age(record) &&
               take_teacher(record) && take_u32(body, &record->from) &&
               take_u32(body, &record->to) && are_heads(record);
    case RECORD_GET:
        return is_get(record);
    case RECORD_ITEM:
        return take_u8(body, &record->flags) &&
               take_number(body, &record->number) && record->number > 0 &&
               take_topic(body, &record->topic) &&
               take_origin(body, &record->origin);
    case RECORD_STREAM:
        return take_number(body, &record->first) &&
               take_number(body, &record->number) && record->first > 0 &&
               take_topic(body, &record->topic) &&
               take_origin(body, &record->origin) && body->size == 0;
    }
    return false;
}

int topic_record_read(shoal_bytes item, struct topic_record *record)
{
    *record = (struct topic_record){.body = item};
    return take_u8(&record->body, &record->kind) && read_body(record)
               ? 0
               : SHOAL_ERR_MALFORMED;
}

/* ---- Writing ---- */

void topic_record_begin(struct records *records, uint8_t kind)
{
    record_begin(records, kind, (struct cell){0});
}

static void put_name(struct records *records, shoal_bytes topic,
                     shoal_bytes origin)
{
    record_put(records, topic.size, 1);
    record_put_bytes(records, topic);
    record_put(records, origin.size, 2);
    record_put_bytes(records, origin);
}

bool topic_record_put_item(struct records *records, uint8_t flags,
                           uint64_t number, shoal_bytes topic,
                           shoal_bytes origin, shoal_bytes data)
{
    topic_record_begin(records, RECORD_ITEM);
    record_put(records, flags, 1);
    record_put_version(records, number);
    put_name(records, topic, origin);
    record_put_bytes(records, data);
    return record_end(records);
}

bool topic_record_put_stream(struct records *records, uint64_t first,
                             uint64_t last, shoal_bytes topic,
                             shoal_bytes origin)
{
    topic_record_begin(records, RECORD_STREAM);
    record_put_version(records, first);
    record_put_version(records, last);
    put_name(records, topic, origin);
    return record_end(records);
}

void topic_record_put_entry(struct records *records, uint8_t kind,
                            const struct topic_entry *entry)
{
    record_put(records, entry->hash, 4);
    record_put_version(records, entry->number);
    if (kind == RECORD_GET)
        record_put(records, entry->count, 1);
}
