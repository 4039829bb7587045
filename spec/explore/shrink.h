/* SPDX-License-Identifier: MIT */
/*
 * Runs that may crash, and which of their faults matter.
 *
 * Each run is a process of its own: an assertion, a sanitizer or a hang is
 * found like any other failure.
 */
#ifndef SPEC_EXPLORE_SHRINK_H
#define SPEC_EXPLORE_SHRINK_H

#include "world.h"

struct outcome {
    bool failed;
    char failure[MAX_FAILURE], last[MAX_FAILURE];
    uint64_t failed_us, agreed_after_us, bound_us, most_memory, renewals;
    uint32_t busiest;
};

/* In a process of its own. With `quietly`, what it writes is thrown away. */
struct outcome outcome_of(const struct plan *plan, bool quietly);

/* Takes faults out of `plan` as long as it fails in the same way as `outcome`
 * (Zeller, Hildebrandt: "Simplifying and Isolating Failure-Inducing Input",
 * 2002), and sets `outcome` to the last failure. `kept` are the numbers of the
 * faults that are left. */
void shrink(struct plan *plan, struct outcome *outcome, uint32_t *kept);

#endif
