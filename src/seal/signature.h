/* SPDX-License-Identifier: MIT */
/*
 * Signatures (Ed25519) and hashes (BLAKE2b) of libsodium, for scripts. As in
 * crypto.h, nobody may call these where crypto_is_there() is false.
 */
#ifndef SHOAL_SEAL_SIGNATURE_H
#define SHOAL_SEAL_SIGNATURE_H

#include "../shoal_types.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SIGNATURE_PUBLIC = 32,
    SIGNATURE_SECRET = 64, /* with the public key in it */
    SIGNATURE_SEED = 32,
    SIGNATURE_SIZE = 64,
    SIGNATURE_HASH = 32
};

/* A new pair of keys; from `seed` (SIGNATURE_SEED bytes), the one that belongs
 * to it. NULL: a random one. */
void signature_keypair(const uint8_t *seed, uint8_t public[SIGNATURE_PUBLIC],
                       uint8_t secret[SIGNATURE_SECRET]);
void signature_make(shoal_bytes data, const uint8_t secret[SIGNATURE_SECRET],
                    uint8_t out[SIGNATURE_SIZE]);
bool signature_holds(const uint8_t signature[SIGNATURE_SIZE], shoal_bytes data,
                     const uint8_t public[SIGNATURE_PUBLIC]);
/* `key`: empty, or up to 64 bytes without which nobody can make it. */
void signature_hash(shoal_bytes data, shoal_bytes key,
                    uint8_t out[SIGNATURE_HASH]);

#endif
