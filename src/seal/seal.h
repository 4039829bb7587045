/* SPDX-License-Identifier: MIT */
/*
 * Sealed packets: nobody without the key reads them, changes them, makes them,
 * or has them accepted a second time. No I/O: time and the bytes come in.
 *
 *   +------+--------+---------+---------+- - - - - - - - - - - - - - - -+-----+
 *   | c100 | key id | session | counter | time  6 | flags 1 | packet    | tag |
 *   |      |   2    |   16    |  8      |  sealed                       |  16 |
 *   +------+--------+---------+---------+- - - - - - - - - - - - - - - -+-----+
 *
 * XChaCha20-Poly1305; the nonce is session + counter. Associated data: c100,
 * the key id and the cluster's label. Numbers are big-endian.
 *
 *   session  16 random bytes, drawn at each start (and in each child of a
 *            fork): a nonce never repeats, and no system call is needed for it
 *   counter  of the packets that this session has sealed, the first is 1. It is
 *            atomic: the deputy's thread seals with the same session
 *   time     milliseconds since 1970, by the sender's clock. Within a session
 *            it runs on when that is set back, so that the time between two
 *            packets is never less than it says
 *   flags    0: a packet of the engine; 1: a challenge; 2: the answer to one;
 *            0x80 more: the key is the receiver's choice, not the sender's
 *
 * Freshness. A packet of a session that we know is judged by its counter alone
 * (sessions.h). For one that we do not know, there are two ways in:
 *
 *   clock      The time is within `skew` of our clock, later than anything of a
 *              session that was forgotten, and we ran already for so long that
 *              no former life of ours can have accepted it: it was sealed
 *              `skew` or more after our start, by our clock, as it is now and
 *              as it was then. What `skew` bears in the first place it bears
 *              there, too.
 *   challenge  Else the packet is held (waiting.h), and its sender asked to
 *              answer a cookie: the time of our clock that does not run
 *              backwards, and a hash of it, the session and the sender's
 *              address with a secret of this life of ours. Nothing is stored
 *              for that. The answer, within five seconds, proves that the
 *              session is alive, whatever the clocks say. It also has a time of
 *              the sender's clock, and so has the packet that was held: how
 *              long before the answer it was sealed. Those that were sealed
 *              before our start, or not later than anything of a forgotten
 *              session, are not fresh.
 *
 * Either way the window begins there: what has a smaller counter is a replay.
 * An answer whose session was forgotten after that does not open the window
 * again: a cookie ends before a session may be forgotten.
 *
 * What remains: a member that never heard a session accepts a recorded packet
 * of it once, within `skew` of when it was sealed, if clocks are used; and, if
 * the clock of the sender is ahead of ours by more than `skew`, a packet that a
 * former life of ours has accepted, when our clock gets there. With `skew` 0
 * there are only challenges, and neither is so.
 *
 * Nothing that is not authentic is answered. A challenge is no larger than what
 * it answers, and challenged.h says who gets one. A challenge is answered once.
 * Of strangers who have no authentic packet nothing is kept.
 */
#ifndef SHOAL_SEAL_SEAL_H
#define SHOAL_SEAL_SEAL_H

#include "../base/error.h"
#include "../shoal.h"
#include "keys.h"

enum {
    SEAL_OVERHEAD = 4 + CRYPTO_SESSION + CRYPTO_COUNTER + 7 + CRYPTO_TAG,
    SEAL_COOKIE = 12,
    SEAL_REPLY = SEAL_OVERHEAD + SEAL_COOKIE,
    SEAL_RANDOM = 56,   /* bytes of randomness that a start takes */
    SEAL_MAX_LABEL = 64 /* bytes */
};

#define SEAL_SKEW_US (UINT64_C(30) * 1000 * 1000) /* the usual one */

struct seal;

struct seal_options {
    const struct seal_keys *keys; /* copied */
    const char *label;            /* or NULL; copied */
    uint64_t skew_us;             /* 0: always challenge */
    uint64_t now_us, wall_us;     /* monotonic; since 1970 */
    const uint8_t *random;        /* SEAL_RANDOM bytes, copied; NULL: real */
};

/* NULL and `error`: no memory, or this build has no libsodium. */
struct seal *seal_new(const struct seal_options *options, struct error *error);
/* NULL is fine. */
void seal_free(struct seal *seal);

/* "" when keys can be used here, else what is missing. Static. */
const char *seal_problem(void);

/* Ours, to be changed: not while another thread opens or seals. After that,
 * seal_keys_changed(). */
struct seal_keys *seal_get_keys(struct seal *seal);
void seal_keys_changed(struct seal *seal);

struct seal_time {
    uint64_t now_us;  /* monotonic */
    uint64_t wall_us; /* since 1970 */
};

/* Writes packet.size + SEAL_OVERHEAD bytes. */
void seal_packet(struct seal *seal, struct seal_time time, shoal_bytes packet,
                 uint8_t *out);

/* The same for that address (as seal_open() has it): sealed with a key that it
 * has, if it does not have the one in use (speakers.h). */
void seal_packet_to(struct seal *seal, struct seal_time time, shoal_bytes to,
                    shoal_bytes packet, uint8_t *out);
/* That address does not have the key in use, but this one of ours. */
void seal_speak(struct seal *seal, shoal_bytes to, const struct seal_key *key,
                uint64_t until_us);

typedef enum seal_verdict {
    SEAL_PACKET,      /* there is a packet */
    SEAL_TAKEN,       /* it was about the seal alone, or is held */
    SEAL_FOREIGN_KEY, /* sealed with a key that we do not have */
    SEAL_UNAUTHENTIC, /* not sealed, or not by who has the key */
    SEAL_REPLAYED,    /* it came before, or is too old to tell */
    SEAL_UNPROVEN     /* nothing shows that it is fresh */
} seal_verdict;

struct seal_arrival {
    shoal_bytes packet; /* a part of the datagram */
    uint8_t reply[SEAL_REPLY];
    size_t reply_size; /* 0: there is nothing to send back */
    bool is_limited;   /* a challenge, if its address had not had so many */
};

/* Opens the datagram where it is: its bytes are changed. `from` is the sender's
 * address, in any form that stays the same. */
seal_verdict seal_open(struct seal *seal, struct seal_time time,
                       uint8_t *datagram, size_t size, shoal_bytes from,
                       struct seal_arrival *arrival);

/* A packet that was held and is fresh: after SEAL_TAKEN, until NULL. The caller
 * frees it with free(). */
struct seal_held;
struct seal_held *seal_next_proven(struct seal *seal);
/* The packet in it. */
shoal_bytes seal_held_packet(const struct seal_held *held);

struct seal_counts {
    uint64_t challenges;         /* that we sent */
    uint64_t challenges_dropped; /* beyond what an address may get */
    uint64_t lost;               /* packets that were held in vain */
    size_t sessions;             /* that we know */
};
struct seal_counts seal_get_counts(const struct seal *seal);

/* For specs: so many sessions at most. */
void seal_limit_sessions(struct seal *seal, uint32_t most);

/* Does it look like a sealed datagram? For those that have no key. */
static inline bool seal_is_sealed(const uint8_t *datagram, size_t size)
{
    return size >= SEAL_OVERHEAD && datagram[0] == 0xc1 && datagram[1] == 0;
}

#endif
