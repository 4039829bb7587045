/* SPDX-License-Identifier: MIT */
/*
 * The explorer: random faults over random clusters, and what must hold all the
 * same (world.h says where). Everything follows from a seed; a failure is told
 * as the seed and the few faults that it takes.
 *
 *   explore [--seed N] [--seconds S | --runs R] [--kind tables]
 *           [--keep 3,7,9] [--verbose] [--whole] [--events]
 *
 * --kind: only plans of that kind. --keep: only those faults of the plan of
 * that one seed, as a failure names them. --whole: failures are not shrunk.
 * --events: what members say is printed.
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
    enum plan_kind kind; /* NUM_PLAN_KINDS: all */
    bool verbose, whole, events;
};

/* ---- Arguments ---- */

static bool take_number(const char *text, long *out)
{
    char *end;
    *out = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && *out >= 0;
}

static bool take_kind(const char *text, enum plan_kind *out)
{
    for (int kind = 0; kind < NUM_PLAN_KINDS; kind++)
        if (strcmp(text, plan_kind_name((enum plan_kind)kind)) == 0) {
            *out = (enum plan_kind)kind;
            return true;
        }
    return false;
}

static bool take_flag(struct arguments *out, const char *name)
{
    if (strcmp(name, "--verbose") == 0)
        return out->verbose = true;
    if (strcmp(name, "--whole") == 0)
        return out->whole = true;
    if (strcmp(name, "--events") == 0)
        return out->events = true;
    return false;
}

static bool take_option(struct arguments *out, const char *name,
                        const char *value)
{
    long number = 0;
    if (strcmp(name, "--kind") == 0)
        return take_kind(value, &out->kind);
    if (strcmp(name, "--keep") == 0) {
        out->keep = value;
        return true;
    }
    if (!take_number(value, &number))
        return false;
    if (strcmp(name, "--seed") == 0)
        out->seed = (uint64_t)number;
    else if (strcmp(name, "--seconds") == 0)
        out->seconds = number;
    else if (strcmp(name, "--runs") == 0)
        out->runs = number;
    else
        return false;
    return true;
}

static bool read_arguments(int argc, char **argv, struct arguments *out)
{
    *out = (struct arguments){.seed = 1, .kind = NUM_PLAN_KINDS};
    for (int i = 1; i < argc; i++) {
        if (take_flag(out, argv[i]))
            continue;
        if (!take_option(out, argv[i], i + 1 < argc ? argv[i + 1] : ""))
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

/* ---- How long it took ---- */

enum { NUM_PRESETS = 4 };

static struct tally {
    const char *preset;
    long runs, failures;
    double sum_s, worst_s, worst_share; /* of the bound */
    uint32_t busiest;
} tallies[NUM_PLAN_KINDS][NUM_PRESETS];

static void count(const struct plan *plan, const struct outcome *outcome)
{
    struct tally *tally = tallies[plan->kind];
    while (tally->preset && strcmp(tally->preset, plan->preset) != 0)
        tally++;
    tally->preset = plan->preset;
    tally->runs++;
    tally->failures += outcome->failed;
    double took_s = (double)outcome->agreed_after_us / 1e6;
    double share = outcome->bound_us > 0 ? (double)outcome->agreed_after_us /
                                               (double)outcome->bound_us
                                         : 0;
    tally->sum_s += took_s;
    if (took_s > tally->worst_s)
        tally->worst_s = took_s;
    if (outcome->busiest > tally->busiest)
        tally->busiest = outcome->busiest;
    if (share > tally->worst_share)
        tally->worst_share = share;
}

static void print_tally(enum plan_kind kind, const struct tally *tally)
{
    printf("  %-8s %-8s %6ld runs, %ld failed; one view after %6.1f s on "
           "average, %6.1f s at worst, %4.1f %% of the bound; at most "
           "%" PRIu32 " packets of a member in a period\n",
           plan_kind_name(kind), tally->preset, tally->runs, tally->failures,
           tally->sum_s / (double)tally->runs, tally->worst_s,
           tally->worst_share * 100, tally->busiest);
}

static void print_tallies(void)
{
    for (int kind = 0; kind < NUM_PLAN_KINDS; kind++)
        for (int i = 0; i < NUM_PRESETS; i++)
            if (tallies[kind][i].runs > 0)
                print_tally((enum plan_kind)kind, &tallies[kind][i]);
}

/* ---- Schedules ---- */

static void print_failure(const struct plan *plan,
                          const struct outcome *outcome, const uint32_t *kept)
{
    printf("FAILED after %.3f s: %s\n", (double)outcome->failed_us / 1e6,
           outcome->failure);
    plan_print(plan);
    printf("  again: explore --kind %s --seed %" PRIu64 " --keep ",
           plan_kind_name(plan->kind), plan->seed);
    for (uint32_t i = 0; i < plan->num_faults; i++)
        printf("%s%" PRIu32, i ? "," : "", kept[i]);
    printf(plan->num_faults ? "\n" : "none\n");
}

static void print_outcome(const struct plan *plan,
                          const struct outcome *outcome)
{
    printf("seed %" PRIu64 ": agreed %.1f s after the last fault (bound "
           "%.0f s), %" PRIu64 " renewals, most memory %" PRIu64
           " bytes, at most %" PRIu32 " packets of a member in a period\n",
           plan->seed, (double)outcome->agreed_after_us / 1e6,
           (double)outcome->bound_us / 1e6, outcome->renewals,
           outcome->most_memory, outcome->busiest);
    printf("  at last %s\n", outcome->last);
    plan_print(plan);
}

static bool explore(uint64_t seed, const struct arguments *arguments)
{
    struct plan plan;
    plan_make(&plan, seed, arguments->kind);
    if (arguments->keep)
        keep_only(&plan, arguments->keep);
    plan.is_told = arguments->events;
    struct outcome outcome = outcome_of(&plan, false);
    plan.is_told = false;
    count(&plan, &outcome);
    if (arguments->verbose)
        print_outcome(&plan, &outcome);
    if (!outcome.failed)
        return true;
    printf("seed %" PRIu64 " (%s, %s): %s\n", seed, plan_kind_name(plan.kind),
           plan.preset, outcome.failure);
    if (arguments->whole)
        return false;
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
                        "[--kind tables] [--keep 3,7,9] [--verbose] "
                        "[--whole] [--events]\n");
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
    print_tallies();
    printf("%ld schedules, seeds %" PRIu64 " to %" PRIu64 ": %ld failed\n",
           runs, arguments.seed, arguments.seed + (uint64_t)runs - 1, failures);
    return failures > 0;
}
