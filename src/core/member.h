/* SPDX-License-Identifier: MIT */
/* One member, and the precedence of claims about it. */
#ifndef SHOAL_CORE_MEMBER_H
#define SHOAL_CORE_MEMBER_H

#include "identity.h"

enum { NO_SLOT = UINT32_MAX };

struct entry;
struct suspicion;

struct member {
    /* What nearly every packet asks for stands first, in 16 bytes of one line
     * of the cache. */
    struct identity *identity; /* NULL: a free slot */
    uint32_t slot;
    uint16_t incarnation;
    uint8_t state;               /* shoal_state */
    struct entry *queued;        /* the claim about it in the backlog */
    struct suspicion *suspicion; /* while it is suspect */
    uint64_t since_us;           /* when it entered its state */
    uint32_t position; /* in its order; the next free slot when free */
    uint32_t timer;    /* place of its deadline in the heap */
};

static inline bool member_is_active(const struct member *member)
{
    return member->state != SHOAL_DOWN;
}

/* Does a claim override what we believe? (SWIM 4.2, with down for its confirm;
 * down is final.) The rows are what we believe, the columns the claim:
 *
 *              alive     suspect   down
 *   alive      newer     as new    always
 *   suspect    newer     newer     always
 *   down       never     never     never
 */
bool member_overrides(shoal_state believed, uint16_t believed_incarnation,
                      shoal_state claimed, uint16_t claimed_incarnation);

shoal_member member_view(const struct member *member);

#endif
