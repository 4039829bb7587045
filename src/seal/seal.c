/* SPDX-License-Identifier: MIT */
#include "seal_parts.h"

#include "../base/bytes.h"

#include <pthread.h>
#include <string.h>

enum { MOST_ASKERS = 1024 };

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
    pthread_once(&once, seal_watch_forks);
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
    seal->start_wall_us = options->wall_us;
    seal->forks = seal_num_forks();
    take_random(seal, options->random);
    sessions_init(&seal->sessions, seal->hash_key);
    sessions_init(&seal->askers, seal->hash_key);
    seal->askers.most = MOST_ASKERS;
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
    sessions_clear(&seal->askers);
    challenged_clear(&seal->challenged);
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

void seal_packet(struct seal *seal, struct seal_time time, shoal_bytes packet,
                 uint8_t *out)
{
    seal_write(seal, time, &seal->keys.list[0], FLAGS_PACKET, packet, out);
}

/* The one in use, unless we know of an address that it does not have it. */
static const struct seal_key *key_for(struct seal *seal, shoal_bytes to,
                                      uint64_t now_us)
{
    const struct seal_key *key = NULL;
    uint8_t id[2];

    if (seal->keys.count > 1 && !speakers_are_over(&seal->speakers, now_us) &&
        speakers_find(&seal->speakers, seal_hash_of(seal, to), now_us, id))
        key = seal_keys_find(&seal->keys, id);
    return key ? key : &seal->keys.list[0];
}

void seal_packet_to(struct seal *seal, struct seal_time time, shoal_bytes to,
                    shoal_bytes packet, uint8_t *out)
{
    seal_write(seal, time, key_for(seal, to, time.now_us), FLAGS_PACKET, packet,
               out);
}

void seal_speak(struct seal *seal, shoal_bytes to, const struct seal_key *key,
                uint64_t until_us)
{
    speakers_note(&seal->speakers, seal_hash_of(seal, to), key->id, until_us);
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
                        seal_make_ad(seal, datagram, ad), sealed, inner);
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
    arrival->is_limited = false;
    if (!seal_is_sealed(datagram, size))
        return SEAL_UNAUTHENTIC;
    key = seal_keys_find(&seal->keys, datagram + AT_KEY_ID);
    if (!key)
        return SEAL_FOREIGN_KEY;
    opened.key = key;
    opened.session = datagram + AT_SESSION;
    opened.counter = bytes_big_endian(datagram + AT_COUNTER, CRYPTO_COUNTER);
    if (!decrypt(seal, key, datagram, size, &opened))
        return SEAL_UNAUTHENTIC;
    session = sessions_find(&seal->sessions, opened.session);
    if (session && !session_is_fresh(session, opened.counter))
        return SEAL_REPLAYED;
    return seal_judge(seal, session, &opened, arrival);
}

struct seal_held *seal_next_proven(struct seal *seal)
{
    return waiting_take(&seal->held);
}

shoal_bytes seal_held_packet(const struct seal_held *held)
{
    return bytes_of(held->packet, held->size);
}
