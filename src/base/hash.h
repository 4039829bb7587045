/* SPDX-License-Identifier: MIT */
/* FNV-1a: tells contents apart, not attackers (bytes_hash() has a key). */
#ifndef SHOAL_BASE_HASH_H
#define SHOAL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

static inline uint64_t hash_more(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    while (size-- > 0)
        hash = (hash ^ *bytes++) * HASH_PRIME;
    return hash;
}

static inline uint64_t hash_text(uint64_t hash, const char *text)
{
    return hash_more(hash, text, strlen(text));
}

/* For a table whose size is a power of 2. */
static inline uint32_t hash_short(const void *data, size_t size)
{
    uint64_t hash = hash_more(HASH_START, data, size);
    return (uint32_t)(hash ^ hash >> 32);
}

#endif
