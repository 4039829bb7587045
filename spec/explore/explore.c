/* SPDX-License-Identifier: MIT */
/*
 * The explorer: random faults over random clusters, and what must hold all the
 * same (watch.c, run.c). Everything follows from a seed; a failure is told as
 * the seed and the few faults that it takes.
 *
 *   explore [--seed N] [--seconds S | --runs R] [--keep 3,7,9] [--verbose]
 *
 * --keep: only those faults of the plan of that one seed, as a failure names
 * them.
 */
#include "shrink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct arguments {
    uint64_t seed;
    long seconds, runs;
    const char *keep;
    bool verbose;
};

static bool take_number(const char *text, long *out)
{
    char *end;
    *out = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && *out >= 0;
}

static bool read_arguments(int argc, char **argv, struct arguments *out)
{
    *out = (struct arguments){.seed = 1};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        long number = 0;
        bool good = true;
        if (strcmp(name, "--verbose") == 0) {
            out->verbose = true;
            continue;
        }
        if (strcmp(name, "--keep") == 0)
            out->keep = value;
        else
            good = take_number(value, &number);
        if (strcmp(name, "--seed") == 0)
            out->seed = (uint64_t)number;
        else if (strcmp(name, "--seconds") == 0)
            out->seconds = number;
        else if (strcmp(name, "--runs") == 0)
            out->runs = number;
        else if (strcmp(name, "--keep") != 0)
            good = false;
        if (!good)
            return false;
        i++;
    }
    return true;
}

static void keep_only(struct plan *plan, const char *numbers)
{
    uint32_t count = 0;
    while (*numbers) {
        char *end;
        unsigned long number = strtoul(numbers, &end, 10);
        if (end == numbers)
            break;
        if (number < plan->num_faults)
            plan->faults[count++] = plan->faults[number];
        numbers = *end ? end + 1 : end;
    }
    plan->num_faults = count;
}

static void print_failure(const struct plan *plan,
                          const struct outcome *outcome, const uint32_t *kept)
{
    printf("FAILED after %.3f s: %s\n", (double)outcome->failed_us / 1e6,
           outcome->failure);
    plan_print(plan);
    printf("  again: explore --seed %" PRIu64 " --keep ", plan->seed);
    for (uint32_t i = 0; i < plan->num_faults; i++)
        printf("%s%" PRIu32, i ? "," : "", kept[i]);
    printf(plan->num_faults ? "\n" : "none\n");
}

static bool explore(uint64_t seed, const struct arguments *arguments)
{
    struct plan plan;
    plan_make(&plan, seed);
    if (arguments->keep)
        keep_only(&plan, arguments->keep);
    struct outcome outcome = outcome_of(&plan, false);
    if (arguments->verbose) {
        printf("seed %" PRIu64 ": agreed %.1f s after the last fault (bound "
               "%.0f s), most memory %" PRIu64 " bytes\n",
               seed, (double)outcome.agreed_after_us / 1e6,
               (double)outcome.bound_us / 1e6, outcome.most_memory);
        plan_print(&plan);
    }
    if (!outcome.failed)
        return true;
    printf("seed %" PRIu64 ": %s; looking for the faults that matter\n", seed,
           outcome.failure);
    uint32_t kept[PLAN_MAX_FAULTS];
    shrink(&plan, &outcome, kept);
    print_failure(&plan, &outcome, kept);
    return false;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    if (!read_arguments(argc, argv, &arguments)) {
        fprintf(stderr, "usage: explore [--seed N] [--seconds S | --runs R] "
                        "[--keep 3,7,9] [--verbose]\n");
        return 2;
    }
    if (arguments.runs == 0 && arguments.seconds == 0)
        arguments.runs = 1;
    time_t end = time(NULL) + arguments.seconds;
    long runs = 0, failures = 0;
    while (arguments.seconds ? time(NULL) < end : runs < arguments.runs) {
        failures += !explore(arguments.seed + (uint64_t)runs, &arguments);
        runs++;
    }
    printf("%ld schedules, seeds %" PRIu64 " to %" PRIu64 ": %ld failed\n",
           runs, arguments.seed, arguments.seed + (uint64_t)runs - 1, failures);
    return failures > 0;
}
