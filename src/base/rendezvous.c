/* SPDX-License-Identifier: MIT */
#include "rendezvous.h"

#include "hash.h"

uint64_t rendezvous_key(shoal_bytes key)
{
    return hash_more(HASH_START, key.data, key.size);
}

/* MurmurHash3's last step: FNV-1a leaves the last bytes of addresses, in which
 * they differ, in the low bits. */
static uint64_t mix(uint64_t hash)
{
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

/* log2 of 2^exponent * mantissa / 2^31, where the mantissa has 32 bits: each
 * squaring gives one more bit. What is cut off below makes it no less monotone.
 */
static uint64_t log2_of(uint32_t exponent, uint64_t mantissa)
{
    uint64_t log = exponent;
    for (int bit = 0; bit < RENDEZVOUS_FRACTION; bit++) {
        mantissa = mantissa * mantissa >> 31;
        log = log << 1 | mantissa >> 32;
        mantissa >>= mantissa >> 32;
    }
    return log;
}

uint64_t rendezvous_distance(uint64_t hash)
{
    uint32_t exponent = 63;
    if (hash == 0)
        hash = 1;
    for (; hash >> 63 == 0; hash <<= 1)
        exponent--;
    return (UINT64_C(64) << RENDEZVOUS_FRACTION) -
           log2_of(exponent, hash >> 32);
}

uint64_t rendezvous_hash(uint64_t key, shoal_bytes addr)
{
    return mix(hash_more(key, addr.data, addr.size));
}

/* A greater hash has no greater distance. */
static bool is_nearer(uint64_t hash, uint32_t weight, uint64_t other,
                      uint32_t others_weight)
{
    return rendezvous_distance(hash) * others_weight <
           rendezvous_distance(other) * weight;
}

int rendezvous_compare(const struct rendezvous_score *a,
                       const struct rendezvous_score *b)
{
    if (a->weight != b->weight) {
        if (is_nearer(a->hash, a->weight, b->hash, b->weight))
            return -1;
        if (is_nearer(b->hash, b->weight, a->hash, a->weight))
            return 1;
    }
    return a->hash == b->hash ? 0 : a->hash > b->hash ? -1 : 1;
}
