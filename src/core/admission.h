/* SPDX-License-Identifier: MIT */
/*
 * Who may become a member, and how often an address may ask for something.
 *
 * Each identity that is new here is checked once, before it gets into the
 * table:
 *
 *   newcomers   too many from its host that speak for themselves
 *   renewals    its address has taken a new identity too often
 *   admission   the embedder says no; remembered for ADMISSION_REMEMBERED_US,
 *               during which it is not asked again
 *
 * Announces are counted where they would be answered with all members.
 *
 * Whoever is turned away gets no answer, and what it says is not heard; it is
 * counted, and told (TURNED_AWAY). Under `check_strangers` it has shown before
 * that it is where it says: nobody uses up what another one may do.
 *
 * Both tables have a fixed size. Whoever takes the place of another makes us
 * forget that one: it may do as much again, and is asked about again.
 */
#ifndef SHOAL_CORE_ADMISSION_H
#define SHOAL_CORE_ADMISSION_H

#include "table/limits.h"
#include "table/members.h"

#include <string.h>

enum { ADMISSION_REMEMBERED_US = 30 * 1000 * 1000, ADMISSION_REFUSALS = 256 };

/* All zero: nobody was turned away. */
struct admission {
    struct limits limits;
    struct refusal {
        uint32_t hash, wire_hash; /* of the identity */
        uint64_t until_us;        /* 0: free */
    } refusals[ADMISSION_REFUSALS];
};

/* What speaks against putting `who`, who is new here, into the table, before
 * the embedder is asked: NEWCOMERS or RENEWALS; SHOAL_NUM_DROPS: nothing.
 * `before` is its predecessor at its address, or NULL. */
shoal_drop admission_limit(shoal *engine, const struct who *who,
                           const struct identity *before);
/* May the sender at hand have all members? */
bool admission_may_list(shoal *engine, const struct who *who);
/* The embedder has refused it. */
void admission_refuse(shoal *engine, const struct who *who);
/* Was it refused lately? Then it is not heard. */
bool admission_is_refused(const shoal *engine, const struct who *who);
/* Others decide from now on. */
static inline void admission_forget(struct admission *admission)
{
    memset(admission->refusals, 0, sizeof admission->refusals);
}

#endif
