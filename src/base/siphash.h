/* SPDX-License-Identifier: MIT */
/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012):
 * who does not know the key cannot tell what it gives, however many values of
 * it are known. */
#ifndef SHOAL_BASE_SIPHASH_H
#define SHOAL_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash {
    uint64_t a, b, c, d;
};

static inline uint64_t siphash_turn(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void siphash_round(struct siphash *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = siphash_turn(s->b, 13) ^ s->a;
    s->d = siphash_turn(s->d, 16) ^ s->c;
    s->a = siphash_turn(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = siphash_turn(s->b, 17) ^ s->c;
    s->d = siphash_turn(s->d, 21) ^ s->a;
    s->c = siphash_turn(s->c, 32);
}

static inline void siphash_word(struct siphash *s, uint64_t word)
{
    s->d ^= word;
    siphash_round(s);
    siphash_round(s);
    s->a ^= word;
}

/* The 0 to 8 bytes at `at`, the first one lowest. */
static inline uint64_t siphash_load(const uint8_t *at, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)at[i] << (8 * i);
    return word;
}

static inline uint64_t siphash(const uint64_t key[2], const uint8_t *bytes,
                               size_t size)
{
    struct siphash s = {
        key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
        key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
    size_t left = size;
    for (; left >= 8; left -= 8, bytes += 8)
        siphash_word(&s, siphash_load(bytes, 8));
    siphash_word(&s, (uint64_t)size << 56 | siphash_load(bytes, left));
    s.c ^= 0xff;
    for (int i = 0; i < 4; i++)
        siphash_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}

#endif
