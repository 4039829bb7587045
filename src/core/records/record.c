/* SPDX-License-Identifier: MIT */
#include "record.h"

#include "items.h"

enum { IS_CUT = 1 };

/* ---- Reading ---- */

static shoal_bytes rest(shoal_bytes bytes, size_t from)
{
    return bytes_of(bytes.data + from, bytes.size - from);
}

static bool read_cell(shoal_bytes *from, struct cell *cell)
{
    if (from->size < 1 || from->data[0] > CELLS_MAX_BITS)
        return false;
    uint8_t bits = from->data[0], size = (bits + 7) / 8;
    if (from->size < 1u + size)
        return false;
    uint32_t prefix = 0;
    for (uint8_t i = 0; i < size; i++)
        prefix |= (uint32_t)from->data[1 + i] << (24 - 8 * i);
    *cell = (struct cell){prefix, bits};
    *from = rest(*from, 1u + size);
    return bits == CELLS_MAX_BITS || prefix << bits == 0;
}

bool record_take_version(shoal_bytes *from, uint64_t *version)
{
    *version = 0;
    for (size_t i = 0; i < from->size && i < RECORD_MAX_VERSION; i++) {
        uint64_t bits = from->data[i] & 0x7f;
        unsigned shift = 7 * (unsigned)i;
        if (shift == 63 && bits > 1)
            return false;
        *version |= bits << shift;
        if (!(from->data[i] & 0x80)) {
            *from = rest(*from, i + 1);
            return bits > 0 || i == 0; /* the shortest form */
        }
    }
    return false;
}

bool record_next_entry(shoal_bytes *body, struct entry_of *entry)
{
    if (body->size < 5)
        return false;
    entry->hash = bytes_u32be(body->data);
    *body = rest(*body, 4);
    return record_take_version(body, &entry->version);
}

/* In the cell, and in the order of their hashes. */
static bool is_list(const struct record *record)
{
    shoal_bytes body = record->body;
    struct entry_of entry;
    uint32_t before = 0;
    while (body.size > 0) {
        if (!record_next_entry(&body, &entry) || entry.hash < before ||
            !cell_has(record->cell, entry.hash))
            return false;
        before = entry.hash;
    }
    return true;
}

static bool read_split(struct record *record)
{
    if (record->body.size < 1)
        return false;
    record->split = record->body.data[0];
    record->body = rest(record->body, 1);
    return record->split >= RECORD_LEAST_SPLIT &&
           record->split <= RECORD_MOST_SPLIT &&
           record->cell.bits + record->split <= CELLS_MAX_BITS;
}

static bool read_done(struct record *record)
{
    if (record->body.size != 1 || record->body.data[0] > IS_CUT)
        return false;
    record->is_cut = record->body.data[0] & IS_CUT;
    return true;
}

static uint32_t take_word(shoal_bytes *from)
{
    uint32_t word = bytes_u32be(from->data);
    *from = rest(*from, 4);
    return word;
}

/* What follows may be empty. */
static bool read_message(struct record *record)
{
    if (record->body.size < 4 + 4 + 1)
        return false;
    record->epoch = take_word(&record->body);
    record->number = take_word(&record->body);
    record->flags = record->body.data[0];
    record->body = rest(record->body, 1);
    return true;
}

static bool read_receipt(struct record *record)
{
    if (record->body.size < 4 + 4 || record->body.size % 4 != 0)
        return false;
    record->epoch = take_word(&record->body);
    return true;
}

static uint64_t take_version(shoal_bytes *from)
{
    uint64_t version = 0;
    for (int i = 0; i < RECORD_VERSION_SIZE; i++)
        version = version << 8 | from->data[i];
    *from = rest(*from, RECORD_VERSION_SIZE);
    return version;
}

/* A fetch is that; a part has bytes behind it. */
static bool read_place(struct record *record)
{
    if (record->body.size < 4 + RECORD_VERSION_SIZE + 2)
        return false;
    record->hash = take_word(&record->body);
    record->version = take_version(&record->body);
    record->offset = (uint16_t)bytes_u16be(record->body.data);
    record->body = rest(record->body, 2);
    return record->version > 0 &&
           (record->body.size > 0) == (record->kind == RECORD_PART);
}

static bool read_body(struct record *record)
{
    switch (record->kind) {
    case RECORD_SUMS:
        return read_split(record) && record->body.size == (size_t)4
                                                              << record->split;
    case RECORD_LIST:
        return is_list(record);
    case RECORD_DIFFER:
        return read_split(record) &&
               record->body.size == (size_t)1 << (record->split - 3);
    case RECORD_DONE:
        return read_done(record);
    case RECORD_WANT:
        return record->body.size % 4 == 0;
    case RECORD_MESSAGE:
        return read_message(record);
    case RECORD_RECEIPT:
        return read_receipt(record);
    case RECORD_FETCH:
    case RECORD_PART:
        return read_place(record);
    }
    return false;
}

static bool is_known(uint8_t kind)
{
    return (kind >= RECORD_SUMS && kind <= RECORD_WANT) ||
           (kind >= RECORD_MESSAGE && kind <= RECORD_PART);
}

/* Is it about members? */
static bool has_cell(enum record_kind kind)
{
    return kind < RECORD_WANT;
}

int record_read(shoal_bytes item, struct record *record)
{
    *record = (struct record){0};
    if (item.size < 1)
        return SHOAL_ERR_MALFORMED;
    if (!is_known(item.data[0]))
        return SHOAL_ERR_UNSUPPORTED;
    record->kind = item.data[0];
    record->body = rest(item, 1);
    bool is_good =
        !has_cell(record->kind) || read_cell(&record->body, &record->cell);
    return is_good && read_body(record) ? 0 : SHOAL_ERR_MALFORMED;
}

/* ---- Writing ---- */

void record_put(struct records *records, uint64_t value, size_t bytes)
{
    if (bytes > records->room - records->size)
        records->failed = true;
    else
        while (bytes > 0)
            records->bytes[records->size++] = (uint8_t)(value >> 8 * --bytes);
}

void record_put_bytes(struct records *records, shoal_bytes bytes)
{
    if (bytes.size > records->room - records->size) {
        records->failed = true;
        return;
    }
    bytes_copy(records->bytes + records->size, bytes);
    records->size += bytes.size;
}

void record_put_version(struct records *records, uint64_t version)
{
    for (; version > 0x7f; version >>= 7)
        record_put(records, 0x80 | (version & 0x7f), 1);
    record_put(records, version, 1);
}

static void put_cell(struct records *records, struct cell cell)
{
    record_put(records, cell.bits, 1);
    size_t bytes = (cell.bits + 7u) / 8;
    if (bytes > 0)
        record_put(records, cell.prefix >> 8 * (4 - bytes), bytes);
}

void record_begin(struct records *records, uint8_t kind, struct cell cell)
{
    records->begun = records->size;
    records->failed = false;
    record_put(records, 0, ITEM_FRAME);
    record_put(records, kind, 1);
    if (has_cell(kind))
        put_cell(records, cell);
}

bool record_end(struct records *records)
{
    size_t size = records->size - records->begun - ITEM_FRAME;
    if (records->failed || size > ITEM_MAX_SIZE) {
        records->size = records->begun;
        return false;
    }
    bytes_put_u16be(records->bytes + records->begun, size);
    return true;
}

void records_cut(struct records *records)
{
    shoal_bytes items = bytes_of(records->bytes, records->size);
    while (items.size > 0) {
        shoal_bytes item = items_take(&items);
        if (item.data[0] == RECORD_DONE)
            records->bytes[item.data + item.size - 1 - records->bytes] = IS_CUT;
    }
}
