/* SPDX-License-Identifier: MIT */
/* Who sends many packets, what many claims are about: into the cache. */
#ifndef SHOAL_CORE_ENTRY_LOOKAHEAD_H
#define SHOAL_CORE_ENTRY_LOOKAHEAD_H

#include "../table/members.h"

enum {
    AHEAD = 32,      /* lookups at the same time */
    AHEAD_STEPS = 4, /* of a lookup */
    AHEAD_STEP = 4   /* claims between two of them, when there are as many */
};

struct lookup {
    uint32_t hash;
    struct member *found;
};

/* Claims that are about to be taken, one after the other. */
struct ahead {
    const shoal *engine;
    const shoal_update *claims;
    size_t count, at, step;
    struct lookup lookups[AHEAD];
};

/* Like ahead_next() changes nothing but what is in the cache. `claims` are
 * borrowed until the last of them was taken. */
void ahead_begin(struct ahead *ahead, const shoal *engine,
                 const shoal_update *claims, size_t count);
/* To be called once for each claim: who it is about in all likelihood, or NULL,
 * for update_apply(). */
struct member *ahead_next(struct ahead *ahead);

#endif
