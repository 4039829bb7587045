/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t allocations;

double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Not inlined, for callgrind finds it by its name. */
__attribute__((noinline)) void bench_measure(struct bench *bench,
                                             bench_work *work, void *context)
{
    uint64_t allocated = allocations;
    double start = bench_now();
    bench->operations += work(context);
    bench->seconds += bench_now() - start;
    bench->allocations += allocations - allocated;
}

static void *counting_realloc(void *context, void *block, size_t old_size,
                              size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    allocations++;
    return realloc(block, new_size);
}

shoal_allocator bench_allocator(void)
{
    return (shoal_allocator){.realloc = counting_realloc};
}

void bench_check(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "%s: %s\n", what, shoal_error_text(result));
    exit(1);
}

uint32_t bench_random(uint32_t below)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(((state >> 32) * below) >> 32);
}
