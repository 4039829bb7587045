/* SPDX-License-Identifier: MIT */
/* One member, and the precedence of claims about it. */
#ifndef SHOAL_CORE_TABLE_MEMBER_H
#define SHOAL_CORE_TABLE_MEMBER_H

#include "identity.h"

enum { NO_SLOT = UINT32_MAX };

struct entry;
struct suspicion;
struct tags;

/* Where a member stands in the table. */
enum place {
    PLACE_ACTIVE,
    PLACE_FAILED,  /* down, and may come back */
    PLACE_LEFT,    /* down for good */
    PLACE_STRANGER /* down, and was never known to be alive */
};

/* 48 bytes: there may be 100,000 of them. */
struct member {
    /* What nearly every packet asks for stands first, in 16 bytes of one line
     * of the cache. */
    struct identity *identity; /* NULL: a free slot */
    uint32_t slot;
    uint16_t incarnation;
    uint8_t rtt;          /* see rtt.h */
    uint8_t state : 2;    /* shoal_state */
    uint8_t place : 2;    /* enum place */
    uint8_t replaced : 1; /* left: it is somebody else now */
    uint8_t doubted : 1;  /* down: we should not have believed that */
    uint8_t returned : 1; /* it came back from down, lately perhaps */
    uint8_t fed : 1;      /* it got a feed, and nothing else came since */
    struct tags *tags;    /* what it says of itself; NULL: not known; may
                             be TAGS_NONE */
    /* The claim about it in the backlog. A suspect's is in its suspicion, which
     * stands here with the lowest bit set. */
    union {
        struct entry *queued;
        uintptr_t suspicion;
    };
    uint64_t since_us; /* when it entered its state */
    uint32_t position; /* in its order; the next free slot when free */
    union {
        uint32_t next_in_cell; /* while it is active: a slot, or NO_SLOT */
        uint32_t timer; /* while it is down: place of its deadline in the heap;
                           a suspect's is in its suspicion */
    };
};

/* NULL: it is not suspect. */
static inline struct suspicion *member_suspicion(const struct member *member)
{
    return member->suspicion & 1 ? (struct suspicion *)(member->suspicion - 1)
                                 : NULL;
}

/* The claim about it in the backlog: what a suspicion begins with. */
static inline struct entry **member_queued(struct member *member)
{
    struct suspicion *suspicion = member_suspicion(member);
    return suspicion ? (struct entry **)suspicion : &member->queued;
}

static inline bool member_is_active(const struct member *member)
{
    return member->state != SHOAL_DOWN;
}

static inline bool member_has_left(const struct member *member)
{
    return member->state == SHOAL_DOWN &&
           member->incarnation == SHOAL_INCARNATION_LEFT;
}

/* It was declared down, which it may refute. */
static inline bool member_has_failed(const struct member *member)
{
    return member->state == SHOAL_DOWN &&
           member->incarnation != SHOAL_INCARNATION_LEFT;
}

static inline bool member_is_among(const struct member *member,
                                   struct member *const list[], uint32_t count)
{
    while (count > 0)
        if (list[--count] == member)
            return true;
    return false;
}

static inline bool claim_is_departure(const shoal_update *claim)
{
    return claim->state == SHOAL_DOWN &&
           claim->incarnation == SHOAL_INCARNATION_LEFT;
}

/* A verdict, which the one that it is about may refute. */
static inline bool claim_is_verdict(const shoal_update *claim)
{
    return claim->state == SHOAL_DOWN &&
           claim->incarnation != SHOAL_INCARNATION_LEFT;
}

/* Does a claim override what we believe? SWIM 4.2, with down for its confirm.
 * The rows are what we believe, the columns the claim:
 *
 *              alive     suspect   down            down, final
 *   alive      newer     as new    as new          always
 *   suspect    newer     newer     as new          always
 *   down       newer     newer     newer           never
 *   (doubted)  as new
 *
 * Where a verdict can be refuted, only the member itself makes a greater
 * incarnation; the greatest of all, which no living one has, is a departure.
 * With `final` (plain SWIM) no verdict can. */
bool member_overrides(const struct member *member, const shoal_update *claim,
                      bool final);

/* What we believe of it, as a claim that borrows its identity, without its
 * tags. */
shoal_update member_claim(const struct member *member);

shoal_member member_view(const struct member *member);

#endif
