/* SPDX-License-Identifier: MIT */
#include "waiting.h"

#include <stdlib.h>
#include <string.h>

void waiting_init(struct waiting *held)
{
    memset(held, 0, sizeof *held);
    held->end = &held->first;
}

static struct seal_held *unlink_at(struct waiting *held,
                                   struct seal_held **place)
{
    struct seal_held *entry = *place;

    *place = entry->next;
    if (held->end == &entry->next)
        held->end = place;
    held->count--;
    held->bytes -= entry->size;
    return entry;
}

static void lose_at(struct waiting *held, struct seal_held **place)
{
    free(unlink_at(held, place));
    held->lost++;
}

void waiting_clear(struct waiting *held)
{
    struct seal_held *entry;

    while (held->first)
        free(unlink_at(held, &held->first));
    while ((entry = waiting_take(held)))
        free(entry);
}

static void expire(struct waiting *held, uint64_t now_us)
{
    while (held->first && now_us - held->first->since_us >= WAITING_FOR_US)
        lose_at(held, &held->first);
}

static bool is_of(const struct seal_held *entry,
                  const uint8_t session[CRYPTO_SESSION])
{
    return memcmp(entry->session, session, CRYPTO_SESSION) == 0;
}

/* One more of that session, with that counter? */
static bool may_wait(const struct waiting *held,
                     const uint8_t session[CRYPTO_SESSION], uint64_t counter,
                     uint64_t now_us, bool *asked)
{
    const struct seal_held *entry;
    unsigned count = 0;

    for (entry = held->first; entry; entry = entry->next) {
        if (!is_of(entry, session))
            continue;
        if (now_us - entry->since_us < WAITING_PAUSE_US)
            *asked = true;
        if (entry->counter == counter || ++count == WAITING_OF_ONE)
            return false;
    }
    return true;
}

bool waiting_put(struct waiting *held, const uint8_t session[CRYPTO_SESSION],
                 uint64_t counter, uint64_t time_ms, uint64_t now_us,
                 shoal_bytes packet, bool *asked)
{
    struct seal_held *entry;

    *asked = false;
    expire(held, now_us);
    if (!may_wait(held, session, counter, now_us, asked) ||
        packet.size > WAITING_MOST_BYTES)
        return false;
    while (held->count == WAITING_MOST ||
           held->bytes > WAITING_MOST_BYTES - packet.size)
        lose_at(held, &held->first);
    entry = malloc(sizeof *entry + packet.size);
    if (!entry)
        return false;
    *entry = (struct seal_held){.counter = counter,
                                .time_ms = time_ms,
                                .since_us = now_us,
                                .size = packet.size};
    memcpy(entry->session, session, CRYPTO_SESSION);
    if (packet.size > 0)
        memcpy(entry->packet, packet.data, packet.size);
    *held->end = entry;
    held->end = &entry->next;
    held->count++;
    held->bytes += packet.size;
    return true;
}

void waiting_prove(struct waiting *held, const uint8_t session[CRYPTO_SESSION],
                   uint64_t first_ms, uint64_t last_ms)
{
    struct seal_held **place = &held->first, **proven = &held->proven;

    while (*proven)
        proven = &(*proven)->next;
    while (*place) {
        struct seal_held *entry = *place;

        if (!is_of(entry, session)) {
            place = &entry->next;
        } else if (entry->time_ms < first_ms || entry->time_ms > last_ms) {
            lose_at(held, place);
        } else {
            *proven = unlink_at(held, place);
            proven = &entry->next;
            entry->next = NULL;
        }
    }
}

struct seal_held *waiting_take(struct waiting *held)
{
    struct seal_held *entry = held->proven;

    if (entry)
        held->proven = entry->next;
    return entry;
}

uint64_t waiting_first_fresh_ms(uint64_t floor_ms, uint64_t answered_ms,
                                uint32_t issued_ms)
{
    uint64_t ms =
        issued_ms < WAITING_FOR_US / 1000 ? issued_ms : WAITING_FOR_US / 1000;
    uint64_t first_ms = answered_ms + 2 > ms ? answered_ms + 2 - ms : 0;

    return first_ms > floor_ms ? first_ms : floor_ms + 1;
}
