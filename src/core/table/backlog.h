/* SPDX-License-Identifier: MIT */
/*
 * What waits to be sent along: claims about members, and custom broadcasts.
 *
 * Every entry is sent a limited number of times, those with the most
 * transmissions left first, among equals the longer (so that a packet is
 * filled well), among those the older (SWIM 4.1).
 *
 * Entries with as many transmissions left and the same size form a *run*; runs
 * stand in sending order. Their number depends on the config and on how many
 * different sizes there are, not on how much waits, and so does the cost of
 * adding an entry or filling a packet.
 *
 *   left 10   [len 31]-[len 29]-     left 9  [len 31]-[len 24]-   ...
 *              e - e    e                     e        e - e - e
 */
#ifndef SHOAL_CORE_TABLE_BACKLOG_H
#define SHOAL_CORE_TABLE_BACKLOG_H

#include "../../base/bytes.h"
#include "mem.h"

struct run;

enum urgency {
    URGENCY_NONE,   /* waits for a packet that goes anyway */
    URGENCY_RETURN, /* worth packets of its own, but few: it comes in crowds */
    URGENCY_NEWS    /* worth packets of its own */
};

struct entry {
    struct entry *next, *prev; /* in its run */
    struct run *run;
    struct entry **owner; /* set to NULL when the entry goes; may be NULL */
    uint32_t born;        /* counts the entries that came before it */
    uint16_t size;        /* bytes as they go out */
    uint16_t key_size;    /* bytes behind them that do not: a broadcast's key */
    uint8_t urgency;      /* of enum urgency */
    uint8_t bytes[];
};

struct backlog {
    struct run *first;
    struct run *unused; /* one kept back, so that moving never fails */
    uint32_t count, births;
    uint32_t num_urgent; /* that do not wait for a packet that goes anyway */
    uint32_t num_news;   /* ... and of those, news */
    uint8_t frame;       /* bytes of length in front of each entry: 0 or 2 */
    uint16_t mark;       /* bits that are set in it, too */
};

void backlog_init(struct backlog *backlog, uint8_t frame);
void backlog_clear(struct backlog *backlog, struct mem *mem);

/* Queues a copy of `bytes`, and `key` (may be empty) with it, to be sent
 * `transmissions` times. An entry that *owner points at is replaced; *owner is
 * the new one afterwards. false: out of memory, nothing changed. */
bool backlog_push(struct backlog *backlog, struct mem *mem, shoal_bytes bytes,
                  shoal_bytes key, uint8_t transmissions, struct entry **owner);
/* Sets how urgent it is. */
void backlog_hurry(struct backlog *backlog, struct entry *entry,
                   enum urgency urgency);
void backlog_remove(struct backlog *backlog, struct mem *mem,
                    struct entry *entry);

/* Writes what fits into `room` bytes at `out`, at most `limit` entries, each
 * counted as sent once. `*count` says how many. Returns the bytes written. */
size_t backlog_fill(struct backlog *backlog, struct mem *mem, uint8_t *out,
                    size_t room, uint32_t limit, uint32_t *count);

/* An entry of more than `size` bytes; NULL: there is none. Costs what there are
 * runs. */
struct entry *backlog_larger(const struct backlog *backlog, size_t size);
/* Removes all entries of more than `size` bytes; how many? */
uint32_t backlog_cut(struct backlog *backlog, struct mem *mem, size_t size);
/* The oldest of those with the fewest transmissions left; NULL: there is none.
 * Costs what there are runs. */
struct entry *backlog_last(const struct backlog *backlog);

static inline shoal_bytes backlog_key(const struct entry *entry)
{
    return bytes_of(entry->bytes + entry->size, entry->key_size);
}

/* `entry` is about to be taken out of its run, which touches its neighbours. */
static inline void backlog_warm(const struct entry *entry)
{
    mem_warm(entry->next ? &entry->next->prev : NULL);
    mem_warm(entry->prev);
}

/* Walks all entries, in sending order: NULL to start, NULL at the end. The
 * entry that was answered last must still be there. */
struct entry *backlog_next(const struct backlog *backlog,
                           const struct entry *entry);

#endif
