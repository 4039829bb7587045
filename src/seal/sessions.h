/* SPDX-License-Identifier: MIT */
/*
 * The sessions that we have heard, and which of their packets: a window of 128
 * counters for each. A packet whose counter is below the window, or in it and
 * seen, is a replay.
 *
 * The table is bounded, so a session may be forgotten: one that was silent for
 * ten minutes when there is a new one, and when 65,536 of them spoke within
 * that time, the one that was silent for longest, if that is ten seconds. A
 * packet of a forgotten session that was accepted before must not be accepted
 * again. Hence `floor_ms`: the latest time that a packet of a forgotten session
 * was sealed at. What is unknown and not later than that is for a challenge,
 * whatever the clocks say (seal.h).
 *
 * The first packet of a session begins the window: what has a smaller counter
 * counts as seen.
 */
#ifndef SHOAL_SEAL_SESSIONS_H
#define SHOAL_SEAL_SESSIONS_H

#include "crypto.h"

enum {
    SESSIONS_MOST = 65536,
    SESSIONS_WINDOW = 128,
    SESSIONS_STALE_US = 600 * 1000 * 1000, /* silent for so long: forgotten */
    SESSIONS_LEAST_US = 10 * 1000 * 1000   /* and not before that */
};

struct session {
    uint8_t id[CRYPTO_SESSION];
    uint64_t highest;  /* counter */
    uint64_t seen[2];  /* bit i: highest - i was */
    uint64_t time_ms;  /* the latest that a packet was sealed at */
    uint64_t heard_us; /* when, within a second */
    uint32_t chain;    /* of its bucket: index + 1 */
    uint32_t older, newer;
};

struct sessions {
    uint64_t key; /* of the hash */
    struct session *list;
    uint32_t *buckets;
    uint32_t count, capacity;
    uint32_t oldest, newest; /* index + 1 */
    uint64_t floor_ms;
    uint32_t most; /* SESSIONS_MOST, or less in a spec */
};

void sessions_init(struct sessions *sessions, uint64_t key);
void sessions_clear(struct sessions *sessions);

/* NULL: it is unknown. Borrowed until the next sessions_add(). */
struct session *sessions_find(const struct sessions *sessions,
                              const uint8_t id[CRYPTO_SESSION]);
bool session_is_fresh(const struct session *session, uint64_t counter);
/* It was fresh, and now it is seen. */
void sessions_accept(struct sessions *sessions, struct session *session,
                     uint64_t counter, uint64_t time_ms, uint64_t now_us);
/* One that was unknown, with its first packet. false: there is no room. */
bool sessions_add(struct sessions *sessions, const uint8_t id[CRYPTO_SESSION],
                  uint64_t counter, uint64_t time_ms, uint64_t now_us);

#endif
