/* SPDX-License-Identifier: MIT */
/* Small helpers on borrowed bytes: compare, copy, hash. */
#ifndef SHOAL_BASE_BYTES_H
#define SHOAL_BASE_BYTES_H

#include "../shoal.h"

#include <string.h>

static inline shoal_bytes bytes_of(const void *data, size_t size)
{
    return (shoal_bytes){data, size};
}

static inline shoal_bytes bytes_of_text(const char *text)
{
    return (shoal_bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool bytes_equal(shoal_bytes a, shoal_bytes b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Less than, equal to or greater than 0, as `a` is before, equal to or after
 * `b`: byte by byte, and what the other begins with comes first. */
static inline int bytes_compare(shoal_bytes a, shoal_bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Copies to `out` and returns the end of the copy. */
static inline uint8_t *bytes_copy(uint8_t *out, shoal_bytes from)
{
    if (from.size > 0)
        memcpy(out, from.data, from.size);
    return out + from.size;
}

static inline uint16_t bytes_u16be(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void bytes_put_u16be(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline uint32_t bytes_u32be(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

/* `size` big-endian bytes, 8 at most. */
static inline uint64_t bytes_big_endian(const uint8_t *at, size_t size)
{
    uint64_t value = 0;

    while (size-- > 0)
        value = value << 8 | *at++;
    return value;
}

/* The last `size` bytes of `value`, the most significant one first. */
static inline void bytes_put_big_endian(uint8_t *at, uint64_t value,
                                        size_t size)
{
    while (size-- > 0) {
        at[size] = (uint8_t)value;
        value >>= 8;
    }
}

/* A keyed hash: the key is secret, so that a peer cannot choose identities
 * that collide. Multiply-and-fold over 8 bytes at a time. */
static inline uint64_t bytes_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t bytes_hash(shoal_bytes bytes, uint64_t key)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t hash = key ^ (bytes.size * odd), word;
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    for (; left > 8; at += 8, left -= 8) {
        memcpy(&word, at, 8);
        hash = bytes_fold(hash ^ word, key | 1);
    }
    /* The rest, together with some before it: so it is one load. */
    word = 0;
    if (bytes.size >= 8)
        memcpy(&word, at + left - 8, 8);
    else if (left > 0)
        memcpy(&word, at, left);
    hash = bytes_fold(hash ^ word, odd ^ key);
    return (uint32_t)(hash ^ hash >> 32);
}

#endif
