/* SPDX-License-Identifier: MIT */
/*
 * What members say to each other about topics (docs/wire.md has the bytes):
 * records of an exchange, and items of topics among broadcasts.
 *
 *   heads   the highest number known of each stream, of some range of hashes
 *   get     give me these numbers; none of them: tell me whose stream it is
 *   item    a message, or a part of one
 *   stream  whose stream that is, and which numbers I have
 */
#ifndef SHOAL_CORE_RECORDS_TOPIC_RECORD_H
#define SHOAL_CORE_RECORDS_TOPIC_RECORD_H

#include "record.h"

enum {
    RECORD_HEADS = 6,
    RECORD_GET,
    RECORD_ITEM,
    RECORD_STREAM,
    RECORD_END_OF_TOPICS
};

/* Of heads. */
enum {
    HEADS_ANSWER = 1, /* to heads: wants none back */
    HEADS_READY = 2,  /* whoever says so knows which streams there are */
    HEADS_LATER = 4   /* an answer to somebody who was there before: none */
};

/* Numbers are below: Lua has them as doubles. */
#define TOPIC_MAX_NUMBER (UINT64_C(1) << 53)

enum {
    GET_MOST = 32, /* numbers in one entry of a get */
    /* Bytes of an item beside topic, identity and data, at the most. */
    TOPIC_ITEM_HEAD = 1 + 1 + 8 + 1 + 2
};

/* One record; which fields it has depends on its kind. */
struct topic_record {
    uint8_t kind, flags;
    uint16_t age_ms;        /* heads that ask for a baseline: for so long */
    uint32_t teacher;       /* heads, LATER: the wire hash of who may, or 0 */
    uint32_t from, to;      /* heads: hashes */
    uint64_t number, first; /* item; stream: the highest one, the lowest */
    shoal_bytes topic, origin;
    shoal_bytes body; /* heads, get: entries; item: data */
};

struct topic_entry {
    uint32_t hash;
    uint64_t number; /* heads: the highest one; get: the first one */
    uint8_t count;   /* get */
};

/* Do heads with these flags come from somebody who asks where to begin? */
static inline bool topic_record_asks(uint8_t flags)
{
    return !(flags & (HEADS_ANSWER | HEADS_READY));
}

/* Is the record of that kind one of these? */
static inline bool topic_record_is(uint8_t kind)
{
    return kind >= RECORD_HEADS && kind < RECORD_END_OF_TOPICS;
}

/* 0 or MALFORMED. */
int topic_record_read(shoal_bytes item, struct topic_record *record);
/* The next entry of heads or a get. false: there is none, or it is none. */
bool topic_record_next(struct topic_record *record, struct topic_entry *entry);

void topic_record_begin(struct records *records, uint8_t kind);
/* Whole records; false: it does not fit, and nothing was written. */
bool topic_record_put_item(struct records *records, uint8_t flags,
                           uint64_t number, shoal_bytes topic,
                           shoal_bytes origin, shoal_bytes data);
bool topic_record_put_stream(struct records *records, uint64_t first,
                             uint64_t last, shoal_bytes topic,
                             shoal_bytes origin);
/* Behind topic_record_begin(). */
void topic_record_put_entry(struct records *records, uint8_t kind,
                            const struct topic_entry *entry);

#endif
