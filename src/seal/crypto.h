/* SPDX-License-Identifier: MIT */
/*
 * What the seal takes from libsodium, and nothing else of it. A build without
 * libsodium has the same functions: crypto_is_there() is false, and nobody may
 * call the others.
 */
#ifndef SHOAL_SEAL_CRYPTO_H
#define SHOAL_SEAL_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CRYPTO_KEY = 32,
    CRYPTO_SESSION = 16, /* bytes of a nonce that stay as they are ... */
    CRYPTO_COUNTER = 8,  /* ... and those that follow */
    CRYPTO_TAG = 16,
    CRYPTO_MAC_KEY = 16,
    CRYPTO_HASH = 16,
    CRYPTO_TEXT = 45 /* a key in base64, with its NUL */
};

/* Initializes the library with the first call. */
bool crypto_is_there(void);

void crypto_random(void *out, size_t size);

/* Memory for secrets: not in core dumps, not swapped out where that is allowed,
 * zeroed when it is freed. NULL: there is none. */
void *crypto_alloc(size_t size);
void crypto_free(void *memory);
void crypto_wipe(void *memory, size_t size);

/* Two bytes that tell keys apart, and nothing of the key. */
void crypto_key_id(const uint8_t key[CRYPTO_KEY], uint8_t id[2]);

/* A hash that tells nothing of what it is of. */
void crypto_digest(const void *data, size_t size, uint8_t out[CRYPTO_HASH]);

/* XChaCha20-Poly1305 with the nonce session + counter, in two steps: the key of
 * a session, which can be kept; then each packet. */
void crypto_session_key(const uint8_t key[CRYPTO_KEY],
                        const uint8_t session[CRYPTO_SESSION],
                        uint8_t out[CRYPTO_KEY]);
/* Encrypts `size` bytes where they are; the tag is written behind them. */
void crypto_seal(const uint8_t session_key[CRYPTO_KEY],
                 const uint8_t counter[CRYPTO_COUNTER], const uint8_t *ad,
                 size_t ad_size, uint8_t *data, size_t size);
/* The reverse; the tag is behind the `size` bytes. false: it is not authentic,
 * and they are as they were. */
bool crypto_open(const uint8_t session_key[CRYPTO_KEY],
                 const uint8_t counter[CRYPTO_COUNTER], const uint8_t *ad,
                 size_t ad_size, uint8_t *data, size_t size);

/* A keyed hash that nobody without the key can guess: SipHash-2-4. */
uint64_t crypto_mac(const uint8_t key[CRYPTO_MAC_KEY], const void *data,
                    size_t size);

/* A key as text (base64) and back. false: it is none. */
void crypto_key_to_text(const uint8_t key[CRYPTO_KEY], char out[CRYPTO_TEXT]);
bool crypto_key_from_text(const char *text, size_t size,
                          uint8_t key[CRYPTO_KEY]);

#endif
