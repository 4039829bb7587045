/* SPDX-License-Identifier: MIT */
#include "challenged.h"

#include <stdlib.h>

struct challenged_entry {
    uint64_t hash;    /* 0: nobody */
    uint64_t counter; /* the highest that it was asked for */
    uint32_t at_ms;   /* when */
    uint32_t in_vain; /* times */
};

struct challenged_table {
    struct challenged_entry places[CHALLENGED_PLACES][CHALLENGED_OF_ONE];
    struct pace first, again;
};

void challenged_clear(struct challenged *challenged)
{
    free(challenged->table);
    challenged->table = NULL;
}

static struct challenged_entry *place_of(struct challenged_table *table,
                                         uint64_t hash)
{
    return table->places[hash % CHALLENGED_PLACES];
}

static struct challenged_entry *find(struct challenged_table *table,
                                     uint64_t hash)
{
    struct challenged_entry *place = place_of(table, hash);
    unsigned i;

    for (i = 0; i < CHALLENGED_OF_ONE; i++)
        if (place[i].hash == hash)
            return &place[i];
    return NULL;
}

/* Those of long ago count as if they had been asked never. */
static bool makes_room_before(const struct challenged_entry *a,
                              const struct challenged_entry *b, uint32_t now_ms)
{
    uint32_t a_ms = now_ms - a->at_ms, b_ms = now_ms - b->at_ms;
    uint32_t a_times = a_ms < CHALLENGED_KEPT_MS ? a->in_vain : 0;
    uint32_t b_times = b_ms < CHALLENGED_KEPT_MS ? b->in_vain : 0;

    return a_times != b_times ? a_times < b_times : a_ms > b_ms;
}

static struct challenged_entry *take_place(struct challenged_table *table,
                                           uint64_t hash, uint32_t now_ms)
{
    struct challenged_entry *place = place_of(table, hash), *least = place;
    unsigned i;

    for (i = 1; i < CHALLENGED_OF_ONE; i++)
        if (makes_room_before(&place[i], least, now_ms))
            least = &place[i];
    *least = (struct challenged_entry){.hash = hash};
    return least;
}

/* After the first question in vain the least pause, then twice as long each
 * time. */
static uint32_t pause_ms(const struct challenged_entry *entry)
{
    uint32_t doubled = entry->in_vain < 8 ? entry->in_vain : 8;
    uint32_t ms = (uint32_t)CHALLENGED_PAUSE_MS << doubled >> 1;

    return ms < CHALLENGED_MOST_PAUSE_MS ? ms : CHALLENGED_MOST_PAUSE_MS;
}

/* Without memory for the table the answer is no larger than the question all
 * the same. */
static struct challenged_table *table_of(struct challenged *challenged)
{
    if (!challenged->table)
        challenged->table = calloc(1, sizeof *challenged->table);
    return challenged->table;
}

enum challenged_verdict challenged_may(struct challenged *challenged,
                                       struct challenged_sender sender,
                                       uint64_t counter, uint64_t now_us)
{
    struct challenged_table *table = table_of(challenged);
    struct challenged_entry *entry = table ? find(table, sender.hash) : NULL;
    uint32_t now_ms = (uint32_t)(now_us / 1000);
    bool is_first = !entry || entry->in_vain < CHALLENGED_IN_VAIN;

    if (!table)
        return CHALLENGED_ASK;
    if (entry && entry->in_vain > 0 &&
        (counter <= entry->counter || now_ms - entry->at_ms < pause_ms(entry)))
        return CHALLENGED_NOT_AGAIN;
    if (!pace_allows(is_first ? &table->first : &table->again, sender.address,
                     now_us, is_first ? CHALLENGED_FIRST : CHALLENGED_AGAIN))
        return CHALLENGED_TOO_MANY;
    if (!entry)
        entry = take_place(table, sender.hash, now_ms);
    entry->counter = counter;
    entry->at_ms = now_ms;
    entry->in_vain++;
    return CHALLENGED_ASK;
}

void challenged_answered(struct challenged *challenged,
                         struct challenged_sender sender)
{
    struct challenged_entry *entry =
        challenged->table ? find(challenged->table, sender.hash) : NULL;

    if (entry)
        *entry = (struct challenged_entry){0};
}
