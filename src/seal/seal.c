/* SPDX-License-Identifier: MIT */
#include "seal.h"

#include "../base/bytes.h"
#include "challenge.h"
#include "pace.h"
#include "sessions.h"
#include "speakers.h"
#include "waiting.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

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
    uint64_t skew_us, start_us;
    uint64_t hash_key;
    struct sessions sessions;
    struct waiting held;
    struct speakers speakers;
    struct pace challenges, answers;
    struct seal_counts counts;
};

/* ---- Forks: a child must not go on with the parent's nonces ---- */

static atomic_uint forks;

static void on_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, on_fork);
}

static void draw_again(struct seal *seal)
{
    crypto_random(seal->session, sizeof seal->session);
    crypto_session_key(seal->keys.list[0].bytes, seal->session,
                       seal->session_key);
    atomic_store(&seal->counter, 0);
    atomic_store(&seal->ahead_us, INT64_MIN);
    seal->forks = atomic_load(&forks);
}

/* ---- Life ---- */

const char *seal_problem(void)
{
    return crypto_is_there()
               ? ""
               : "this shoal was built without libsodium, so it has no keys: "
                 "install libsodium (Debian: libsodium-dev) and build again";
}

static void take_random(struct seal *seal, const uint8_t *random)
{
    uint8_t drawn[SEAL_RANDOM];

    if (!random) {
        crypto_random(drawn, sizeof drawn);
        random = drawn;
    }
    memcpy(seal->session, random, CRYPTO_SESSION);
    memcpy(seal->secret, random + 16, CRYPTO_MAC_KEY);
    memcpy(&seal->hash_key, random + 32, sizeof seal->hash_key);
    crypto_wipe(drawn, sizeof drawn);
}

struct seal *seal_new(const struct seal_options *options, struct error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    size_t label = options->label ? strlen(options->label) : 0;
    struct seal *seal;

    if (!crypto_is_there()) {
        error_fail(error, "%s", seal_problem());
        return NULL;
    }
    pthread_once(&once, watch_forks);
    seal = label <= SEAL_MAX_LABEL ? crypto_alloc(sizeof *seal) : NULL;
    if (!seal) {
        error_fail(error, "no memory for keys");
        return NULL;
    }
    seal->keys = *options->keys;
    seal->label_size = label;
    if (label > 0)
        memcpy(seal->label, options->label, label);
    seal->ahead_us = INT64_MIN;
    seal->skew_us = options->skew_us;
    seal->start_us = options->now_us;
    seal->forks = atomic_load(&forks);
    take_random(seal, options->random);
    sessions_init(&seal->sessions, seal->hash_key);
    waiting_init(&seal->held);
    speakers_init(&seal->speakers);
    seal_keys_changed(seal);
    return seal;
}

void seal_free(struct seal *seal)
{
    if (!seal)
        return;
    sessions_clear(&seal->sessions);
    waiting_clear(&seal->held);
    speakers_clear(&seal->speakers);
    crypto_free(seal);
}

struct seal_keys *seal_get_keys(struct seal *seal)
{
    return &seal->keys;
}

void seal_keys_changed(struct seal *seal)
{
    crypto_session_key(seal->keys.list[0].bytes, seal->session,
                       seal->session_key);
}

struct seal_counts seal_get_counts(const struct seal *seal)
{
    struct seal_counts counts = seal->counts;

    counts.lost = seal->held.lost;
    counts.sessions = seal->sessions.count;
    return counts;
}

void seal_limit_sessions(struct seal *seal, uint32_t most)
{
    seal->sessions.most = most;
}

/* ---- Sealing ---- */

/* What is authentic besides: its size. */
static size_t make_ad(const struct seal *seal, const uint8_t *datagram,
                      uint8_t ad[MAX_AD])
{
    memcpy(ad, datagram, AT_SESSION);
    if (seal->label_size > 0)
        memcpy(ad + AT_SESSION, seal->label, seal->label_size);
    return AT_SESSION + seal->label_size;
}

/* The wall clock, as it was furthest ahead. */
static uint64_t time_ms(struct seal *seal, struct seal_time time)
{
    int64_t ahead_us = (int64_t)(time.wall_us - time.now_us);

    if (ahead_us > atomic_load(&seal->ahead_us))
        atomic_store(&seal->ahead_us, ahead_us);
    return (time.now_us + (uint64_t)atomic_load(&seal->ahead_us)) / 1000;
}

/* That of the key in use is kept. */
static void session_key_of(const struct seal *seal, const struct seal_key *key,
                           uint8_t out[CRYPTO_KEY])
{
    if (key == &seal->keys.list[0])
        memcpy(out, seal->session_key, CRYPTO_KEY);
    else
        crypto_session_key(key->bytes, seal->session, out);
}

static void write_sealed(struct seal *seal, struct seal_time time,
                         const struct seal_key *key, enum flags flags,
                         shoal_bytes packet, uint8_t *out)
{
    uint8_t ad[MAX_AD], session_key[CRYPTO_KEY];

    if (seal->forks != atomic_load_explicit(&forks, memory_order_relaxed))
        draw_again(seal);
    out[0] = 0xc1;
    out[1] = 0;
    memcpy(out + AT_KEY_ID, key->id, 2);
    memcpy(out + AT_SESSION, seal->session, CRYPTO_SESSION);
    bytes_put_big_endian(out + AT_COUNTER,
                         atomic_fetch_add(&seal->counter, 1) + 1,
                         CRYPTO_COUNTER);
    bytes_put_big_endian(out + AT_SEALED, time_ms(seal, time), 6);
    out[AT_SEALED + 6] =
        (uint8_t)(flags | (key == &seal->keys.list[0] ? 0 : FLAG_YOURS));
    (void)bytes_copy(out + AT_SEALED + INNER, packet);
    session_key_of(seal, key, session_key);
    crypto_seal(session_key, out + AT_COUNTER, ad, make_ad(seal, out, ad),
                out + AT_SEALED, INNER + packet.size);
    crypto_wipe(session_key, sizeof session_key);
}

void seal_packet(struct seal *seal, struct seal_time time, shoal_bytes packet,
                 uint8_t *out)
{
    write_sealed(seal, time, &seal->keys.list[0], FLAGS_PACKET, packet, out);
}

/* The address, with the secret. */
static uint64_t hash_of(const struct seal *seal, shoal_bytes address)
{
    return crypto_mac(seal->secret, address.data, address.size);
}

/* The one in use, unless we know of an address that it does not have it. */
static const struct seal_key *key_for(struct seal *seal, shoal_bytes to,
                                      uint64_t now_us)
{
    const struct seal_key *key = NULL;
    uint8_t id[2];

    if (seal->keys.count > 1 && !speakers_are_over(&seal->speakers, now_us) &&
        speakers_find(&seal->speakers, hash_of(seal, to), now_us, id))
        key = seal_keys_find(&seal->keys, id);
    return key ? key : &seal->keys.list[0];
}

void seal_packet_to(struct seal *seal, struct seal_time time, shoal_bytes to,
                    shoal_bytes packet, uint8_t *out)
{
    write_sealed(seal, time, key_for(seal, to, time.now_us), FLAGS_PACKET,
                 packet, out);
}

void seal_speak(struct seal *seal, shoal_bytes to, const struct seal_key *key,
                uint64_t until_us)
{
    speakers_note(&seal->speakers, hash_of(seal, to), key->id, until_us);
}

/* ---- Challenges ---- */

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

static struct challenge challenge_of(const struct seal *seal,
                                     const struct seal_opened *opened)
{
    return (struct challenge){
        .secret = seal->secret,
        .session = opened->session,
        .from = opened->from,
        .now_ms = (uint32_t)((opened->time.now_us - seal->start_us) / 1000)};
}

static void reply(struct seal *seal, const struct seal_opened *opened,
                  enum flags flags, const uint8_t *cookie,
                  struct seal_arrival *arrival)
{
    write_sealed(seal, opened->time, opened->key, flags,
                 bytes_of(cookie, SEAL_COOKIE), arrival->reply);
    arrival->reply_size = SEAL_REPLY;
}

/* ---- Judging what is authentic ---- */

static bool is_fresh_by_clock(const struct seal *seal,
                              const struct seal_opened *opened)
{
    int64_t ahead_us =
        (int64_t)(opened->time_ms * 1000) - (int64_t)opened->time.wall_us;
    int64_t skew_us = (int64_t)seal->skew_us;
    int64_t ran_us = (int64_t)(opened->time.now_us - seal->start_us);

    return skew_us > 0 && ahead_us <= skew_us && ahead_us >= -skew_us &&
           ran_us + ahead_us >= skew_us &&
           opened->time_ms > seal->sessions.floor_ms;
}

/* It waits for its sender's proof, which is asked for unless that was done just
 * now. A packet that is smaller than the question gets none. */
static seal_verdict challenge(struct seal *seal,
                              const struct seal_opened *opened,
                              struct seal_arrival *arrival)
{
    uint8_t cookie[SEAL_COOKIE];
    bool asked = false, waits = false;

    if (opened->packet.size < SEAL_COOKIE)
        return SEAL_UNPROVEN;
    if (opened->time_ms > seal->sessions.floor_ms)
        waits = waiting_put(&seal->held, opened->session, opened->counter,
                            opened->time_ms, opened->time.now_us,
                            opened->packet, &asked);
    if (!asked && pace_allows(&seal->challenges, hash_of(seal, opened->from),
                              opened->time.now_us)) {
        struct challenge asks = challenge_of(seal, opened);
        challenge_write(&asks, asks.now_ms, cookie);
        reply(seal, opened, FLAGS_CHALLENGE, cookie, arrival);
        seal->counts.challenges++;
    }
    return waits ? SEAL_TAKEN : SEAL_UNPROVEN;
}

/* Only of what is fresh: or whoever repeats a packet from elsewhere could have
 * us speak to others with a key that they have removed. */
static void note_speaker(struct seal *seal, const struct seal_opened *opened)
{
    bool is_ours = opened->is_yours || opened->key == &seal->keys.list[0];
    uint64_t now_us = opened->time.now_us;
    uint64_t hash;
    uint8_t id[2];

    if (seal->keys.count < 2 ||
        (is_ours && speakers_are_over(&seal->speakers, now_us)))
        return;
    hash = hash_of(seal, opened->from);
    if (!is_ours)
        speakers_note(&seal->speakers, hash, opened->key->id,
                      now_us + SPEAKERS_US);
    else if (speakers_find(&seal->speakers, hash, now_us, id))
        speakers_note(&seal->speakers, hash, id, 0);
}

/* What has overtaken the answer is not below the window that begins with it:
 * without this it could come once more. */
static void accept_held(struct seal *seal, const struct seal_opened *answer)
{
    struct session *session = sessions_find(&seal->sessions, answer->session);
    const struct seal_held *held = seal->held.proven;

    for (; session && held; held = held->next)
        if (memcmp(held->session, answer->session, CRYPTO_SESSION) == 0 &&
            session_is_fresh(session, held->counter))
            sessions_accept(&seal->sessions, session, held->counter,
                            held->time_ms, answer->time.now_us);
}

static seal_verdict take_answer(struct seal *seal,
                                const struct seal_opened *opened)
{
    struct challenge asked = challenge_of(seal, opened);
    uint32_t issued_ms;

    if (!challenge_is_ours(&asked, opened->packet, &issued_ms))
        return SEAL_UNPROVEN;
    if (!sessions_add(&seal->sessions, opened->session, opened->counter,
                      opened->time_ms, opened->time.now_us))
        return SEAL_UNPROVEN;
    waiting_prove(&seal->held, opened->session,
                  waiting_first_fresh_ms(seal->sessions.floor_ms,
                                         opened->time_ms, issued_ms),
                  opened->time_ms);
    accept_held(seal, opened);
    note_speaker(seal, opened);
    return SEAL_TAKEN;
}

static seal_verdict take_challenge(struct seal *seal,
                                   const struct seal_opened *opened,
                                   struct seal_arrival *arrival)
{
    if (opened->packet.size == SEAL_COOKIE &&
        pace_allows(&seal->answers, hash_of(seal, opened->from),
                    opened->time.now_us))
        reply(seal, opened, FLAGS_ANSWER, opened->packet.data, arrival);
    return SEAL_TAKEN;
}

static seal_verdict judge_known(struct seal *seal, struct session *session,
                                const struct seal_opened *opened,
                                struct seal_arrival *arrival)
{
    sessions_accept(&seal->sessions, session, opened->counter, opened->time_ms,
                    opened->time.now_us);
    if (opened->counter == session->highest) /* none that was overtaken */
        note_speaker(seal, opened);
    if (opened->flags == FLAGS_CHALLENGE)
        return take_challenge(seal, opened, arrival);
    if (opened->flags == FLAGS_ANSWER)
        return SEAL_TAKEN;
    arrival->packet = opened->packet;
    return SEAL_PACKET;
}

/* A challenge is answered, whoever asks: it changes nothing here. */
static seal_verdict judge_unknown(struct seal *seal,
                                  const struct seal_opened *opened,
                                  struct seal_arrival *arrival)
{
    if (opened->flags == FLAGS_CHALLENGE)
        return take_challenge(seal, opened, arrival);
    if (opened->flags == FLAGS_ANSWER)
        return take_answer(seal, opened);
    if (!is_fresh_by_clock(seal, opened))
        return challenge(seal, opened, arrival);
    if (!sessions_add(&seal->sessions, opened->session, opened->counter,
                      opened->time_ms, opened->time.now_us))
        return SEAL_UNPROVEN;
    note_speaker(seal, opened);
    arrival->packet = opened->packet;
    return SEAL_PACKET;
}

/* ---- Opening ---- */

/* Where it is; false: it is not authentic. */
static bool decrypt(const struct seal *seal, const struct seal_key *key,
                    uint8_t *datagram, size_t size, struct seal_opened *opened)
{
    uint8_t ad[MAX_AD], session_key[CRYPTO_KEY];
    uint8_t *sealed = datagram + AT_SEALED;
    size_t inner = size - AT_SEALED - CRYPTO_TAG;
    bool opens;

    crypto_session_key(key->bytes, opened->session, session_key);
    opens = crypto_open(session_key, datagram + AT_COUNTER, ad,
                        make_ad(seal, datagram, ad), sealed, inner);
    crypto_wipe(session_key, sizeof session_key);
    if (!opens || (sealed[6] & ~FLAG_YOURS) > FLAGS_ANSWER)
        return false;
    opened->time_ms = bytes_big_endian(sealed, 6);
    opened->flags = sealed[6] & ~FLAG_YOURS;
    opened->is_yours = sealed[6] & FLAG_YOURS;
    opened->packet = bytes_of(sealed + INNER, inner - INNER);
    return true;
}

seal_verdict seal_open(struct seal *seal, struct seal_time time,
                       uint8_t *datagram, size_t size, shoal_bytes from,
                       struct seal_arrival *arrival)
{
    struct seal_opened opened = {.time = time, .from = from};
    const struct seal_key *key;
    struct session *session;

    arrival->reply_size = 0;
    if (!seal_is_sealed(datagram, size))
        return SEAL_UNAUTHENTIC;
    key = seal_keys_find(&seal->keys, datagram + AT_KEY_ID);
    if (!key)
        return SEAL_FOREIGN_KEY;
    opened.key = key;
    opened.session = datagram + AT_SESSION;
    opened.counter = bytes_big_endian(datagram + AT_COUNTER, CRYPTO_COUNTER);
    session = sessions_find(&seal->sessions, opened.session);
    if (session && !session_is_fresh(session, opened.counter))
        return SEAL_REPLAYED;
    if (!decrypt(seal, key, datagram, size, &opened))
        return SEAL_UNAUTHENTIC;
    return session ? judge_known(seal, session, &opened, arrival)
                   : judge_unknown(seal, &opened, arrival);
}

struct seal_held *seal_next_proven(struct seal *seal)
{
    return waiting_take(&seal->held);
}

shoal_bytes seal_held_packet(const struct seal_held *held)
{
    return bytes_of(held->packet, held->size);
}
