/* SPDX-License-Identifier: MIT */
#include "signature.h"

#include <stdlib.h>

#ifdef SHOAL_SODIUM

#include <sodium.h>

_Static_assert(SIGNATURE_PUBLIC == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(SIGNATURE_SECRET == crypto_sign_SECRETKEYBYTES, "Ed25519");
_Static_assert(SIGNATURE_SEED == crypto_sign_SEEDBYTES, "Ed25519");
_Static_assert(SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519");

void signature_keypair(const uint8_t *seed, uint8_t public[SIGNATURE_PUBLIC],
                       uint8_t secret[SIGNATURE_SECRET])
{
    if (seed)
        (void)crypto_sign_seed_keypair(public, secret, seed);
    else
        (void)crypto_sign_keypair(public, secret);
}

void signature_make(shoal_bytes data, const uint8_t secret[SIGNATURE_SECRET],
                    uint8_t out[SIGNATURE_SIZE])
{
    (void)crypto_sign_detached(out, NULL, data.data, data.size, secret);
}

bool signature_holds(const uint8_t signature[SIGNATURE_SIZE], shoal_bytes data,
                     const uint8_t public[SIGNATURE_PUBLIC])
{
    return crypto_sign_verify_detached(signature, data.data, data.size,
                                       public) == 0;
}

void signature_hash(shoal_bytes data, shoal_bytes key,
                    uint8_t out[SIGNATURE_HASH])
{
    (void)crypto_generichash(out, SIGNATURE_HASH, data.data, data.size,
                             key.data, key.size);
}

#else

void signature_keypair(const uint8_t *seed, uint8_t public[SIGNATURE_PUBLIC],
                       uint8_t secret[SIGNATURE_SECRET])
{
    (void)seed, (void)public, (void)secret;
    abort();
}

void signature_make(shoal_bytes data, const uint8_t secret[SIGNATURE_SECRET],
                    uint8_t out[SIGNATURE_SIZE])
{
    (void)data, (void)secret, (void)out;
    abort();
}

bool signature_holds(const uint8_t signature[SIGNATURE_SIZE], shoal_bytes data,
                     const uint8_t public[SIGNATURE_PUBLIC])
{
    (void)signature, (void)data, (void)public;
    return false;
}

void signature_hash(shoal_bytes data, shoal_bytes key,
                    uint8_t out[SIGNATURE_HASH])
{
    (void)data, (void)key, (void)out;
    abort();
}

#endif
