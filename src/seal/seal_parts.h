/* SPDX-License-Identifier: MIT */
/* What the files of the seal share. */
#ifndef SHOAL_SEAL_SEAL_PARTS_H
#define SHOAL_SEAL_SEAL_PARTS_H

#include "challenged.h"
#include "seal.h"
#include "sessions.h"
#include "speakers.h"
#include "waiting.h"

#include <stdatomic.h>

enum {
    AT_KEY_ID = 2,
    AT_SESSION = 4,
    AT_COUNTER = AT_SESSION + CRYPTO_SESSION,
    AT_SEALED = AT_COUNTER + CRYPTO_COUNTER,
    INNER = 7, /* bytes of time and flags */
    MAX_AD = 4 + SEAL_MAX_LABEL
};

enum flags { FLAGS_PACKET, FLAGS_CHALLENGE, FLAGS_ANSWER };
/* With each of them: the key is the receiver's choice, not the sender's. Two
 * that answer each other would else never stop using it. */
enum { FLAG_YOURS = 0x80 };

struct seal {
    struct seal_keys keys;
    uint8_t session_key[CRYPTO_KEY]; /* of the first key and our session */
    uint8_t secret[CRYPTO_MAC_KEY];
    uint8_t session[CRYPTO_SESSION];
    _Atomic uint64_t counter;
    _Atomic int64_t ahead_us; /* of the monotonic clock, what it says is time */
    unsigned forks;           /* as many as when the session was drawn */
    char label[SEAL_MAX_LABEL];
    size_t label_size;
    uint64_t skew_us, start_us, start_wall_us;
    uint64_t hash_key;
    struct sessions sessions;
    struct waiting held;
    struct speakers speakers;
    struct challenged challenged;
    struct sessions askers; /* unknown ones that have challenged us */
    struct pace answers;    /* to those that are too many for that */
    struct seal_counts counts;
};

/* A packet as it came. */
struct seal_opened {
    struct seal_time time;
    const struct seal_key *key;
    const uint8_t *session;
    uint64_t counter, time_ms;
    enum flags flags;
    bool is_yours; /* FLAG_YOURS */
    shoal_bytes packet, from;
};

/* ---- sealing.c ---- */

/* Once: counts the forks that this process came of. */
void seal_watch_forks(void);
unsigned seal_num_forks(void);
/* What is authentic besides: its size. */
size_t seal_make_ad(const struct seal *seal, const uint8_t *datagram,
                    uint8_t ad[MAX_AD]);
/* Writes packet.size + SEAL_OVERHEAD bytes. */
void seal_write(struct seal *seal, struct seal_time time,
                const struct seal_key *key, enum flags flags,
                shoal_bytes packet, uint8_t *out);
/* The address, with the secret. */
uint64_t seal_hash_of(const struct seal *seal, shoal_bytes address);

/* ---- judge.c ---- */

/* Of what is authentic. `session` is known, and the packet not a replay; NULL:
 * it is unknown. */
seal_verdict seal_judge(struct seal *seal, struct session *session,
                        const struct seal_opened *opened,
                        struct seal_arrival *arrival);

#endif
