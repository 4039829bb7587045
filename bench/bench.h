/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks in C share: a clock, a stopwatch that callgrind can
 * follow, and an allocator that counts.
 *
 * A benchmark does its work in batches. What a batch needs is prepared outside
 * the stopwatch, so that packets are as warm as the kernel leaves them and
 * members as cold as a table of that size makes them.
 */
#ifndef SHOAL_BENCH_H
#define SHOAL_BENCH_H

#include "shoal.h"

struct bench {
    double seconds;       /* under the stopwatch */
    uint64_t operations;  /* done under it */
    uint64_t allocations; /* made under it */
};

/* One batch: does it and answers how many operations that was. */
typedef uint64_t bench_work(void *context);

/* Runs `work` under the stopwatch and adds up. Under callgrind, with
 * --toggle-collect=bench_measure, nothing else is counted. */
void bench_measure(struct bench *bench, bench_work *work, void *context);

/* Seconds of a clock that only goes forward. */
double bench_now(void);
/* libc's, counting the calls that get or move memory. */
shoal_allocator bench_allocator(void);
/* Ends the program when something that cannot fail has failed. */
void bench_check(int result, const char *what);
/* The next of a repeatable series of random numbers. */
uint32_t bench_random(uint32_t below);

#endif
