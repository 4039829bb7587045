/* SPDX-License-Identifier: MIT */
/*
 * Authentic packets of unknown sessions, which wait for their sender to prove
 * that they are fresh. They are few and small: 64 packets, 96 KiB and five
 * seconds, eight of one session. What does not fit displaces the oldest: that
 * one is lost, as any packet may be.
 */
#ifndef SHOAL_SEAL_WAITING_H
#define SHOAL_SEAL_WAITING_H

#include "../shoal.h"
#include "crypto.h"

enum {
    WAITING_MOST = 64,
    WAITING_MOST_BYTES = 96 * 1024,
    WAITING_OF_ONE = 8,
    WAITING_FOR_US = 5 * 1000 * 1000,
    WAITING_PAUSE_US = 50 * 1000 /* between two challenges for one session */
};

struct seal_held {
    struct seal_held *next;
    uint8_t session[CRYPTO_SESSION];
    uint64_t counter, time_ms, since_us;
    size_t size;
    uint8_t packet[];
};

struct waiting {
    struct seal_held *first, **end; /* those that wait, the oldest first */
    struct seal_held *proven;       /* those that are to be had */
    size_t count, bytes;
    uint64_t lost; /* how many were given up */
};

void waiting_init(struct waiting *held);
void waiting_clear(struct waiting *held);

/* Copies the packet. `*asked`: its sender was challenged just now, for another
 * one. false: it is not kept. */
bool waiting_put(struct waiting *held, const uint8_t session[CRYPTO_SESSION],
                 uint64_t counter, uint64_t time_ms, uint64_t now_us,
                 shoal_bytes packet, bool *asked);
/* The session has proven itself: its packets that were sealed from `first_ms`
 * to `last_ms` are fresh, the others are given up. */
void waiting_prove(struct waiting *held, const uint8_t session[CRYPTO_SESSION],
                   uint64_t first_ms, uint64_t last_ms);
/* The next that is proven, which the caller frees with free(); NULL: there is
 * none. */
struct seal_held *waiting_take(struct waiting *held);

/* The answer was sealed after the question, so what was sealed `issued_ms`
 * before the answer was sealed not more than that before the question. It must
 * be after our start, and later than `floor_ms`, up to which all is forgotten.
 */
uint64_t waiting_first_fresh_ms(uint64_t floor_ms, uint64_t answered_ms,
                                uint32_t issued_ms);

#endif
