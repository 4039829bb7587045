/* SPDX-License-Identifier: MIT */
#include "crypto.h"

#include <stdlib.h>
#include <string.h>

#ifdef SHOAL_SODIUM

#include <sodium.h>

bool crypto_is_there(void)
{
    return sodium_init() >= 0;
}

void crypto_random(void *out, size_t size)
{
    randombytes_buf(out, size);
}

/* The library puts the end of the memory at the end of a page: what is not a
 * multiple of 64 would not be aligned. */
void *crypto_alloc(size_t size)
{
    void *memory = sodium_malloc((size + 63) / 64 * 64);

    if (memory)
        memset(memory, 0, size);
    return memory;
}

void crypto_free(void *memory)
{
    sodium_free(memory);
}

void crypto_wipe(void *memory, size_t size)
{
    sodium_memzero(memory, size);
}

void crypto_key_id(const uint8_t key[CRYPTO_KEY], uint8_t id[2])
{
    static const char what[] = "shoal key id";
    uint8_t hash[crypto_generichash_BYTES_MIN];

    crypto_generichash(hash, sizeof hash, (const uint8_t *)what,
                       sizeof what - 1, key, CRYPTO_KEY);
    memcpy(id, hash, 2);
}

void crypto_digest(const void *data, size_t size, uint8_t out[CRYPTO_HASH])
{
    crypto_generichash(out, CRYPTO_HASH, data, size, NULL, 0);
}

void crypto_session_key(const uint8_t key[CRYPTO_KEY],
                        const uint8_t session[CRYPTO_SESSION],
                        uint8_t out[CRYPTO_KEY])
{
    crypto_core_hchacha20(out, session, key, NULL);
}

/* As XChaCha20-Poly1305 does: four zero bytes, then what is left of the nonce.
 */
static void make_nonce(const uint8_t counter[CRYPTO_COUNTER], uint8_t nonce[12])
{
    memset(nonce, 0, 4);
    memcpy(nonce + 4, counter, CRYPTO_COUNTER);
}

void crypto_seal(const uint8_t session_key[CRYPTO_KEY],
                 const uint8_t counter[CRYPTO_COUNTER], const uint8_t *ad,
                 size_t ad_size, uint8_t *data, size_t size)
{
    uint8_t nonce[12];

    make_nonce(counter, nonce);
    (void)crypto_aead_chacha20poly1305_ietf_encrypt_detached(
        data, data + size, NULL, data, size, ad, ad_size, NULL, nonce,
        session_key);
}

bool crypto_open(const uint8_t session_key[CRYPTO_KEY],
                 const uint8_t counter[CRYPTO_COUNTER], const uint8_t *ad,
                 size_t ad_size, uint8_t *data, size_t size)
{
    uint8_t nonce[12];

    make_nonce(counter, nonce);
    return crypto_aead_chacha20poly1305_ietf_decrypt_detached(
               data, NULL, data, size, data + size, ad, ad_size, nonce,
               session_key) == 0;
}

uint64_t crypto_mac(const uint8_t key[CRYPTO_MAC_KEY], const void *data,
                    size_t size)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t value;

    crypto_shorthash(hash, data, size, key);
    memcpy(&value, hash, sizeof value);
    return value;
}

void crypto_key_to_text(const uint8_t key[CRYPTO_KEY], char out[CRYPTO_TEXT])
{
    sodium_bin2base64(out, CRYPTO_TEXT, key, CRYPTO_KEY,
                      sodium_base64_VARIANT_ORIGINAL);
}

bool crypto_key_from_text(const char *text, size_t size,
                          uint8_t key[CRYPTO_KEY])
{
    size_t length;

    return sodium_base642bin(key, CRYPTO_KEY, text, size, NULL, &length, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           length == CRYPTO_KEY;
}

#else

bool crypto_is_there(void)
{
    return false;
}

void crypto_random(void *out, size_t size)
{
    (void)out, (void)size;
    abort();
}

void *crypto_alloc(size_t size)
{
    (void)size;
    return NULL;
}

void crypto_free(void *memory)
{
    (void)memory;
}

void crypto_wipe(void *memory, size_t size)
{
    volatile uint8_t *at = memory;

    while (size-- > 0)
        *at++ = 0;
}

void crypto_key_id(const uint8_t key[CRYPTO_KEY], uint8_t id[2])
{
    (void)key, (void)id;
    abort();
}

void crypto_digest(const void *data, size_t size, uint8_t out[CRYPTO_HASH])
{
    (void)data, (void)size, (void)out;
    abort();
}

void crypto_session_key(const uint8_t key[CRYPTO_KEY],
                        const uint8_t session[CRYPTO_SESSION],
                        uint8_t out[CRYPTO_KEY])
{
    (void)key, (void)session, (void)out;
    abort();
}

void crypto_seal(const uint8_t session_key[CRYPTO_KEY],
                 const uint8_t counter[CRYPTO_COUNTER], const uint8_t *ad,
                 size_t ad_size, uint8_t *data, size_t size)
{
    (void)session_key, (void)counter, (void)ad, (void)ad_size;
    (void)data, (void)size;
    abort();
}

bool crypto_open(const uint8_t session_key[CRYPTO_KEY],
                 const uint8_t counter[CRYPTO_COUNTER], const uint8_t *ad,
                 size_t ad_size, uint8_t *data, size_t size)
{
    (void)session_key, (void)counter, (void)ad, (void)ad_size;
    (void)data, (void)size;
    return false;
}

uint64_t crypto_mac(const uint8_t key[CRYPTO_MAC_KEY], const void *data,
                    size_t size)
{
    (void)key, (void)data, (void)size;
    abort();
}

void crypto_key_to_text(const uint8_t key[CRYPTO_KEY], char out[CRYPTO_TEXT])
{
    (void)key;
    out[0] = '\0';
}

bool crypto_key_from_text(const char *text, size_t size,
                          uint8_t key[CRYPTO_KEY])
{
    (void)text, (void)size, (void)key;
    return false;
}

#endif
