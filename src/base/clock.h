/* SPDX-License-Identifier: MIT */
/* Microseconds: of a clock that does not run backwards, and since 1970. */
#ifndef SHOAL_BASE_CLOCK_H
#define SHOAL_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_us(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline uint64_t clock_monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

static inline uint64_t clock_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

#endif
