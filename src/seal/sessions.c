/* SPDX-License-Identifier: MIT */
#include "sessions.h"

#include "../base/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 32, A_SECOND_US = 1000 * 1000 };

void sessions_init(struct sessions *sessions, uint64_t key)
{
    memset(sessions, 0, sizeof *sessions);
    sessions->key = key;
    sessions->most = SESSIONS_MOST;
}

void sessions_clear(struct sessions *sessions)
{
    free(sessions->list);
    free(sessions->buckets);
    sessions->list = NULL;
    sessions->buckets = NULL;
    sessions->count = sessions->capacity = 0;
}

/* ---- The table ---- */

static uint32_t *bucket_of(const struct sessions *sessions,
                           const uint8_t id[CRYPTO_SESSION])
{
    uint32_t hash = bytes_hash(bytes_of(id, CRYPTO_SESSION), sessions->key);

    return &sessions->buckets[hash & (sessions->capacity - 1)];
}

struct session *sessions_find(const struct sessions *sessions,
                              const uint8_t id[CRYPTO_SESSION])
{
    uint32_t number;

    if (sessions->count == 0)
        return NULL;
    for (number = *bucket_of(sessions, id); number;
         number = sessions->list[number - 1].chain)
        if (memcmp(sessions->list[number - 1].id, id, CRYPTO_SESSION) == 0)
            return &sessions->list[number - 1];
    return NULL;
}

static void link_bucket(struct sessions *sessions, uint32_t number)
{
    struct session *session = &sessions->list[number - 1];
    uint32_t *bucket = bucket_of(sessions, session->id);

    session->chain = *bucket;
    *bucket = number;
}

static void unlink_bucket(struct sessions *sessions, uint32_t number)
{
    uint32_t *place = bucket_of(sessions, sessions->list[number - 1].id);

    while (*place != number)
        place = &sessions->list[*place - 1].chain;
    *place = sessions->list[number - 1].chain;
}

/* false: no memory, and all is as it was. */
static bool grow(struct sessions *sessions)
{
    uint32_t capacity =
        sessions->capacity ? 2 * sessions->capacity : FIRST_CAPACITY;
    uint32_t *buckets = calloc(capacity, sizeof *buckets), i;
    struct session *list =
        buckets ? realloc(sessions->list, capacity * sizeof *list) : NULL;

    if (!list) {
        free(buckets);
        return false;
    }
    free(sessions->buckets);
    sessions->list = list;
    sessions->buckets = buckets;
    sessions->capacity = capacity;
    for (i = 1; i <= sessions->count; i++)
        link_bucket(sessions, i);
    return true;
}

/* ---- Who was silent for longest ---- */

static void unlink_age(struct sessions *sessions, struct session *session)
{
    if (session->older)
        sessions->list[session->older - 1].newer = session->newer;
    else
        sessions->oldest = session->newer;
    if (session->newer)
        sessions->list[session->newer - 1].older = session->older;
    else
        sessions->newest = session->older;
}

static void link_newest(struct sessions *sessions, struct session *session,
                        uint64_t now_us)
{
    uint32_t number = (uint32_t)(session - sessions->list) + 1;

    session->older = sessions->newest;
    session->newer = 0;
    if (sessions->newest)
        sessions->list[sessions->newest - 1].newer = number;
    else
        sessions->oldest = number;
    sessions->newest = number;
    session->heard_us = now_us;
}

/* The oldest, if it was silent for so long, is forgotten: its number, else 0.
 */
static uint32_t forget(struct sessions *sessions, uint64_t now_us,
                       uint64_t silent_us)
{
    uint32_t number = sessions->oldest;
    struct session *session;

    if (number == 0)
        return 0;
    session = &sessions->list[number - 1];
    if (now_us - session->heard_us < silent_us)
        return 0;
    if (session->time_ms > sessions->floor_ms)
        sessions->floor_ms = session->time_ms;
    unlink_age(sessions, session);
    unlink_bucket(sessions, number);
    return number;
}

static uint32_t take_place(struct sessions *sessions, uint64_t now_us)
{
    uint32_t number = forget(sessions, now_us, SESSIONS_STALE_US);

    if (number)
        return number;
    if (sessions->count < sessions->capacity ||
        (sessions->capacity < sessions->most && grow(sessions)))
        return ++sessions->count;
    return forget(sessions, now_us, SESSIONS_LEAST_US);
}

/* ---- The window ---- */

static bool is_seen(const struct session *session, uint64_t back)
{
    return session->seen[back / 64] >> (back % 64) & 1;
}

bool session_is_fresh(const struct session *session, uint64_t counter)
{
    uint64_t back;

    if (counter > session->highest)
        return true;
    back = session->highest - counter;
    return back < SESSIONS_WINDOW && !is_seen(session, back);
}

static void shift(uint64_t seen[2], uint64_t by)
{
    if (by >= SESSIONS_WINDOW) {
        seen[0] = seen[1] = 0;
    } else if (by >= 64) {
        seen[1] = seen[0] << (by - 64);
        seen[0] = 0;
    } else if (by > 0) {
        seen[1] = seen[1] << by | seen[0] >> (64 - by);
        seen[0] <<= by;
    }
}

void sessions_accept(struct sessions *sessions, struct session *session,
                     uint64_t counter, uint64_t time_ms, uint64_t now_us)
{
    uint64_t back;

    if (counter > session->highest) {
        shift(session->seen, counter - session->highest);
        session->highest = counter;
    }
    back = session->highest - counter;
    session->seen[back / 64] |= UINT64_C(1) << (back % 64);
    if (time_ms > session->time_ms)
        session->time_ms = time_ms;
    if (now_us - session->heard_us < A_SECOND_US)
        return;
    unlink_age(sessions, session);
    link_newest(sessions, session, now_us);
}

bool sessions_add(struct sessions *sessions, const uint8_t id[CRYPTO_SESSION],
                  uint64_t counter, uint64_t time_ms, uint64_t now_us)
{
    uint32_t number = take_place(sessions, now_us);
    struct session *session;

    if (number == 0)
        return false;
    session = &sessions->list[number - 1];
    *session = (struct session){.highest = counter,
                                .seen = {UINT64_MAX, UINT64_MAX},
                                .time_ms = time_ms};
    memcpy(session->id, id, CRYPTO_SESSION);
    link_bucket(sessions, number);
    link_newest(sessions, session, now_us);
    return true;
}
