/* SPDX-License-Identifier: MIT */
/* Random numbers from a seed: SplitMix64 (Steele, Lea, Flood: "Fast Splittable
 * Pseudorandom Number Generators", 2014). Good enough to pick members by; not
 * for secrets. */
#ifndef SHOAL_BASE_RNG_H
#define SHOAL_BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Uniform in [0, bound), bound > 0; without the bias of `%` (Lemire: "Fast
 * Random Integer Generation in an Interval", 2019, section 4). */
static inline uint32_t rng_below(struct rng *rng, uint32_t bound)
{
    uint64_t product = (rng_next(rng) >> 32) * bound;
    if ((uint32_t)product < bound) {
        uint32_t threshold = (uint32_t)-bound % bound;
        while ((uint32_t)product < threshold)
            product = (rng_next(rng) >> 32) * bound;
    }
    return (uint32_t)(product >> 32);
}

#endif
