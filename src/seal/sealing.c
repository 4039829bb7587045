/* SPDX-License-Identifier: MIT */
/* How a packet is sealed: with our session, which is another one in a child. */
#include "seal_parts.h"

#include "../base/bytes.h"

#include <pthread.h>
#include <string.h>

/* ---- Forks: a child must not go on with the parent's nonces ---- */

static atomic_uint forks;

static void on_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

void seal_watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, on_fork);
}

unsigned seal_num_forks(void)
{
    return atomic_load_explicit(&forks, memory_order_relaxed);
}

static void draw_again(struct seal *seal)
{
    crypto_random(seal->session, sizeof seal->session);
    crypto_session_key(seal->keys.list[0].bytes, seal->session,
                       seal->session_key);
    atomic_store(&seal->counter, 0);
    atomic_store(&seal->ahead_us, INT64_MIN);
    seal->forks = seal_num_forks();
}

/* ---- Packets ---- */

size_t seal_make_ad(const struct seal *seal, const uint8_t *datagram,
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

void seal_write(struct seal *seal, struct seal_time time,
                const struct seal_key *key, enum flags flags,
                shoal_bytes packet, uint8_t *out)
{
    uint8_t ad[MAX_AD], session_key[CRYPTO_KEY];

    if (seal->forks != seal_num_forks())
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
    crypto_seal(session_key, out + AT_COUNTER, ad, seal_make_ad(seal, out, ad),
                out + AT_SEALED, INNER + packet.size);
    crypto_wipe(session_key, sizeof session_key);
}

uint64_t seal_hash_of(const struct seal *seal, shoal_bytes address)
{
    return crypto_mac(seal->secret, address.data, address.size);
}
