/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include "../base/bytes.h"
#include "crc64.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD = SNAPSHOT_HEAD, CHECK = 8, FIRST_ROOM = 4096 };

static const uint8_t magic[8] = {'S', 'H', 'O', 'A', 'L', 'M', 'E', 'M'};

/* ---- Writing ---- */

static bool grow(struct snapshot_writer *writer, size_t size)
{
    size_t room = writer->room ? writer->room : FIRST_ROOM;
    uint8_t *bytes;

    while (room < writer->size + size)
        room *= 2;
    bytes = room <= 2 * (size_t)SNAPSHOT_MOST ? malloc(room) : NULL;
    if (!bytes)
        return false;
    if (writer->size > 0)
        memcpy(bytes, writer->bytes, writer->size);
    snapshot_free(writer->bytes, writer->size);
    writer->bytes = bytes;
    writer->room = room;
    return true;
}

static void put(struct snapshot_writer *writer, const void *data, size_t size)
{
    if (writer->failed || size == 0)
        return;
    if (size > SNAPSHOT_MOST ||
        (size > writer->room - writer->size && !grow(writer, size))) {
        writer->failed = true;
        return;
    }
    memcpy(writer->bytes + writer->size, data, size);
    writer->size += size;
}

static void put_number(struct snapshot_writer *writer, uint64_t number,
                       unsigned size)
{
    uint8_t bytes[8];

    bytes_put_big_endian(bytes, number, size);
    put(writer, bytes, size);
}

static void put_bytes(struct snapshot_writer *writer, shoal_bytes bytes)
{
    put_number(writer, bytes.size, 2);
    put(writer, bytes.data, bytes.size);
}

static void set_number(struct snapshot_writer *writer, size_t at,
                       uint64_t number)
{
    size_t end = writer->size;

    if (writer->failed)
        return;
    writer->size = at;
    put_number(writer, number, 4);
    writer->size = end;
}

static void put_member(struct snapshot_writer *writer,
                       const struct snapshot_member *member)
{
    put_number(writer, member->seen_ms, 8);
    put_number(writer, member->state, 1);
    put_number(writer, member->reason, 1);
    put_bytes(writer, member->id);
    put_bytes(writer, member->addr);
    put_bytes(writer, member->endpoint);
    put(writer, member->tags.data, member->tags.size);
}

static void put_self(struct snapshot_writer *writer,
                     const struct snapshot_self *self)
{
    put_number(writer, self->written_ms, 8);
    put_number(writer, self->tags_version, 8);
    put_number(writer, self->incarnation, 2);
    put(writer, self->id.data, self->id.size);
}

static void put_secret(struct snapshot_writer *writer,
                       const struct snapshot_secret *secret)
{
    put_number(writer, secret->stage, 1);
    put_number(writer, secret->made_ms, 8);
    put_number(writer, secret->until_ms, 8);
    put(writer, secret->bytes, sizeof secret->bytes);
}

static void put_fields(struct snapshot_writer *writer,
                       const struct snapshot_record *record)
{
    switch (record->kind) {
    case SNAPSHOT_SELF:
        put_self(writer, &record->as.self);
        return;
    case SNAPSHOT_MEMBER:
        put_member(writer, &record->as.member);
        return;
    case SNAPSHOT_SECRET:
        put_secret(writer, &record->as.secret);
        return;
    case SNAPSHOT_RING:
        put(writer, record->as.given, sizeof record->as.given);
        return;
    case SNAPSHOT_TOPIC:
    case SNAPSHOT_FLOOR:
        put_number(writer, record->as.number, 8);
        break;
    default:
        break;
    }
    put(writer, record->bytes.data, record->bytes.size);
}

void snapshot_put(struct snapshot_writer *writer,
                  const struct snapshot_record *record)
{
    size_t at;

    put_number(writer, record->kind, 1);
    at = writer->size;
    put_number(writer, 0, 4);
    put_fields(writer, record);
    set_number(writer, at, writer->size - at - 4);
}

void snapshot_begin(struct snapshot_writer *writer, const char *label)
{
    struct snapshot_record record = {.kind = SNAPSHOT_CLUSTER};

    *writer = (struct snapshot_writer){.bytes = NULL};
    put(writer, magic, sizeof magic);
    put_number(writer, SNAPSHOT_VERSION, 2);
    put_number(writer, 0, 4);
    record.bytes = bytes_of_text(label ? label : "");
    snapshot_put(writer, &record);
}

bool snapshot_end(struct snapshot_writer *writer)
{
    set_number(writer, HEAD - 4, writer->size - HEAD);
    if (!writer->failed)
        put_number(writer, crc64(writer->bytes, writer->size), 8);
    if (writer->size > SNAPSHOT_MOST)
        writer->failed = true;
    if (!writer->failed)
        return true;
    snapshot_free(writer->bytes, writer->size);
    writer->bytes = NULL;
    return false;
}

/* There may be keys in it. */
void snapshot_free(uint8_t *bytes, size_t size)
{
    volatile uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++)
        at[i] = 0;
    free(bytes);
}

/* ---- Reading ---- */

/* What is left of a record, or of the file. */
struct rest {
    const uint8_t *data;
    size_t size;
    bool is_short; /* more was wanted than there is */
};

static shoal_bytes take(struct rest *rest, size_t size)
{
    shoal_bytes bytes = {rest->data, size};

    if (size > rest->size) {
        rest->is_short = true;
        return (shoal_bytes){NULL, 0};
    }
    rest->data += size;
    rest->size -= size;
    return bytes;
}

static uint64_t take_number(struct rest *rest, unsigned size)
{
    shoal_bytes bytes = take(rest, size);

    return bytes_big_endian(bytes.data, bytes.size);
}

static shoal_bytes take_bytes(struct rest *rest)
{
    return take(rest, (size_t)take_number(rest, 2));
}

static shoal_bytes take_all(struct rest *rest)
{
    return take(rest, rest->size);
}

static void take_into(struct rest *rest, uint8_t *out, size_t size)
{
    shoal_bytes bytes = take(rest, size);

    if (bytes.size == size)
        memcpy(out, bytes.data, size);
}

static bool is_identity(shoal_bytes id)
{
    return id.size >= 1 && id.size <= SHOAL_MAX_IDENTITY;
}

static bool read_self(struct rest *rest, struct snapshot_self *out)
{
    out->written_ms = take_number(rest, 8);
    out->tags_version = take_number(rest, 8);
    out->incarnation = (uint16_t)take_number(rest, 2);
    out->id = take_all(rest);
    return is_identity(out->id);
}

static bool read_member(struct rest *rest, struct snapshot_member *out)
{
    out->seen_ms = take_number(rest, 8);
    out->state = (uint8_t)take_number(rest, 1);
    out->reason = (uint8_t)take_number(rest, 1);
    out->id = take_bytes(rest);
    out->addr = take_bytes(rest);
    out->endpoint = take_bytes(rest);
    out->tags = take_all(rest);
    return is_identity(out->id) && is_identity(out->addr) &&
           is_identity(out->endpoint) && out->state <= SHOAL_DOWN &&
           out->tags.size <= SHOAL_MAX_TAGS &&
           !memchr(out->endpoint.data, 0, out->endpoint.size);
}

static bool read_secret(struct rest *rest, struct snapshot_secret *out)
{
    out->stage = (uint8_t)take_number(rest, 1);
    out->made_ms = take_number(rest, 8);
    out->until_ms = take_number(rest, 8);
    take_into(rest, out->bytes, sizeof out->bytes);
    return rest->size == 0;
}

static bool read_text(struct rest *rest, shoal_bytes *out)
{
    *out = take_all(rest);
    return out->size == 0 || !memchr(out->data, 0, out->size);
}

static bool read_fields(struct rest *rest, struct snapshot_record *out)
{
    switch (out->kind) {
    case SNAPSHOT_SELF:
        return read_self(rest, &out->as.self);
    case SNAPSHOT_MEMBER:
        return read_member(rest, &out->as.member);
    case SNAPSHOT_SECRET:
        return read_secret(rest, &out->as.secret);
    case SNAPSHOT_RING:
        take_into(rest, out->as.given, sizeof out->as.given);
        return rest->size == 0;
    case SNAPSHOT_TOPIC:
        out->as.number = take_number(rest, 8);
        out->bytes = take_all(rest);
        return out->bytes.size >= 1;
    case SNAPSHOT_FLOOR:
        out->as.number = take_number(rest, 8);
        return rest->size == 0;
    case SNAPSHOT_CLUSTER:
    case SNAPSHOT_SEED:
        return read_text(rest, &out->bytes);
    default:
        out->bytes = take_all(rest);
        return true;
    }
}

/* false: it is not well formed. */
static bool read_record(struct rest *rest, struct snapshot_record *out)
{
    struct rest fields;
    shoal_bytes bytes;

    memset(out, 0, sizeof *out);
    out->kind = (uint8_t)take_number(rest, 1);
    bytes = take(rest, (size_t)take_number(rest, 4));
    fields = (struct rest){bytes.data, bytes.size, false};
    return !rest->is_short && read_fields(&fields, out) && !fields.is_short;
}

static bool is_known(uint8_t kind)
{
    return kind >= SNAPSHOT_CLUSTER && kind <= SNAPSHOT_FLOOR;
}

static struct rest records_of(shoal_bytes file)
{
    return (struct rest){file.data + HEAD, file.size - HEAD - CHECK, false};
}

bool snapshot_next(shoal_bytes file, size_t *at, struct snapshot_record *out)
{
    struct rest rest = records_of(file);

    (void)take(&rest, *at);
    do {
        if (rest.size == 0 || rest.is_short || !read_record(&rest, out))
            return false;
        *at = (size_t)(rest.data - file.data) - HEAD;
    } while (!is_known(out->kind));
    return true;
}

/* What is in front, before anybody knows whether the rest is good. */
static const char *head_problem(shoal_bytes file)
{
    struct rest head = {file.data, file.size, false};
    shoal_bytes start = take(&head, sizeof magic);
    uint64_t version = take_number(&head, 2), size = take_number(&head, 4);

    if (head.is_short || memcmp(start.data, magic, sizeof magic) != 0)
        return "is not a memory of shoal";
    if (version > SNAPSHOT_VERSION)
        return "was written by a newer version";
    if (version == 0 || size != (uint64_t)head.size - CHECK ||
        head.size < CHECK)
        return "is truncated or damaged";
    return NULL;
}

static bool is_whole(shoal_bytes file)
{
    struct rest check = {file.data + file.size - CHECK, CHECK, false};

    return take_number(&check, 8) == crc64(file.data, file.size - CHECK);
}

const char *snapshot_problem(shoal_bytes file, const char *label)
{
    const char *problem = head_problem(file);
    struct snapshot_record record;
    struct rest rest;

    if (problem)
        return problem;
    if (!is_whole(file))
        return "is damaged";
    rest = records_of(file);
    if (!read_record(&rest, &record) || record.kind != SNAPSHOT_CLUSTER)
        return "is damaged";
    if (!bytes_equal(record.bytes, bytes_of_text(label ? label : "")))
        return "is of another cluster";
    while (rest.size > 0)
        if (!read_record(&rest, &record))
            return "is damaged";
    return NULL;
}
