/* SPDX-License-Identifier: MIT */
/*
 * Who was heard lately: a ring of the last packets' senders. Whoever sent one
 * of them is likely to be there still, so it is a better helper than a random
 * member when many may be dead, and a verdict about it is to be doubted.
 */
#ifndef SHOAL_CORE_HEARD_H
#define SHOAL_CORE_HEARD_H

#include "table/member.h"

enum { HEARD_SIZE = 64 /* packets */ };

struct heard {
    struct {
        uint64_t at_us;
        uint32_t slot; /* whoever is there by now */
    } ring[HEARD_SIZE];
    uint32_t next;
    uint64_t last_us; /* the latest; 0: nobody yet */
};

static inline void heard_note(struct heard *heard, const struct member *member,
                              uint64_t now_us)
{
    uint32_t at = heard->next++ % HEARD_SIZE;
    heard->ring[at].at_us = now_us;
    heard->ring[at].slot = member->slot;
    heard->last_us = now_us;
}

/* Up to `k` distinct members that are alive, not `except`, and were heard since
 * `since_us`, the latest first. */
uint32_t heard_pick(const shoal *engine, uint64_t since_us,
                    const struct member *except, uint32_t k,
                    struct member *out[]);
/* Was it heard since then, and not too many others after it? */
bool heard_since(const shoal *engine, uint64_t since_us,
                 const struct member *member);

#endif
