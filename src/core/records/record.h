/* SPDX-License-Identifier: MIT */
/*
 * What members say to each other about what they know: the records of an
 * exchange (docs/wire.md has the bytes). Each is an item of the packet.
 *
 *   sums     the sums of the cells that `cell` consists of
 *   list     hash and version of everybody in `cell`
 *   differ   an answer to sums: these of them differ
 *   done     an answer to a list: what the other lacks was told; or not all
 *   want     tell me of those with these hashes
 *   message  what a program says to another one (messages.h)
 *   receipt  these messages have arrived
 *   fetch    the tags of a member from an offset on (fetch.h)
 *   part     these bytes of them
 */
#ifndef SHOAL_CORE_RECORDS_RECORD_H
#define SHOAL_CORE_RECORDS_RECORD_H

#include "../table/cells.h"

enum record_kind {
    RECORD_SUMS = 1,
    RECORD_LIST,
    RECORD_DIFFER,
    RECORD_DONE,
    RECORD_WANT,
    RECORD_MESSAGE = 10,
    RECORD_RECEIPT,
    RECORD_FETCH,
    RECORD_PART
};

enum {
    RECORD_LEAST_SPLIT = 3, /* bits of the cells in sums, beyond their cell's */
    RECORD_MOST_SPLIT = 6,
    RECORD_MAX_VERSION = 10,                   /* bytes */
    RECORD_MAX_ENTRY = 4 + RECORD_MAX_VERSION, /* bytes of one of a list */
    RECORD_HEAD = 2 + 1 + 5, /* bytes in front of what a record says */
    RECORD_MESSAGE_HEAD = 2 + 1 + 4 + 4 + 1, /* ... in front of data */
    RECORD_VERSION_SIZE = 6, /* of tags, where it has a fixed size */
    RECORD_PART_HEAD = 2 + 1 + 4 + RECORD_VERSION_SIZE + 2,
    RECORD_FETCH_SIZE = RECORD_PART_HEAD
};

struct record {
    enum record_kind kind;
    struct cell cell;
    uint8_t split;    /* sums, differ */
    bool is_cut;      /* done: there is more to tell */
    uint32_t epoch;   /* message, receipt: of the message's sender */
    uint32_t number;  /* message */
    uint8_t flags;    /* message */
    uint32_t hash;    /* fetch, part: of the owner */
    uint64_t version; /* ... of its tags */
    uint16_t offset;
    shoal_bytes body; /* sums, entries, bits, hashes, data, numbers */
};

/* An entry of a list. */
struct entry_of {
    uint32_t hash;
    uint64_t version;
};

/* Reads an item. 0, MALFORMED, or UNSUPPORTED: a kind of a later version. */
int record_read(shoal_bytes item, struct record *record);

/* A number in groups of 7 bits. false: it is cut short, or too long. */
bool record_take_version(shoal_bytes *from, uint64_t *version);
/* The next entry of a list whose body is `*body`. false: there is none, or it
 * is no entry. */
bool record_next_entry(shoal_bytes *body, struct entry_of *entry);
/* The `n`th sum, hash, or number. */
static inline uint32_t record_word(const struct record *record, uint32_t n)
{
    return bytes_u32be(record->body.data + 4 * (size_t)n);
}
/* Does the `n`th of the cells differ? */
static inline bool record_bit(const struct record *record, uint32_t n)
{
    return record->body.data[n / 8] >> (n % 8) & 1;
}

/* ---- Writing ---- */

/* Records in the making, in a buffer of somebody else. A record that does not
 * fit is left out whole. */
struct records {
    uint8_t *bytes;
    size_t size, room;
    size_t begun; /* where the record at hand begins */
    bool failed;  /* ... and it does not fit */
};

/* `cell` only if that kind has one. */
void record_begin(struct records *records, uint8_t kind, struct cell cell);
void record_put(struct records *records, uint64_t value, size_t bytes);
void record_put_bytes(struct records *records, shoal_bytes bytes);
void record_put_version(struct records *records, uint64_t version);
/* false: it did not fit, and is gone. */
bool record_end(struct records *records);
/* Of all records of that kind: there is more. */
void records_cut(struct records *records);

#endif
