/* SPDX-License-Identifier: MIT */
/*
 * Indirect probes (SWIM 3.1), seen by the one in the middle and the far end:
 *
 *   origin --ping_req--> us --indirect_ping--> target
 *   origin <-forwarded_ack- us <-indirect_ack- target
 *
 * An origin that wants it hears from us too when the target does not answer
 * (nack), so that it can tell a dead target from its own bad health
 * (Lifeguard 4.A). For that we remember its question for a while.
 */
#ifndef SHOAL_CORE_INDIRECT_H
#define SHOAL_CORE_INDIRECT_H

#include "table/identity.h"

enum { INDIRECT_MAX_WAITING = 64 /* questions; the oldest give way */ };

struct question {
    struct identity *origin, *target; /* NULL: answered */
    uint64_t nack_at_us;
    uint8_t number;
};

/* A ring; all wait equally long, so the oldest is the first to be due. */
struct indirect {
    struct question waiting[INDIRECT_MAX_WAITING];
    uint32_t first, count;
};

void indirect_clear(shoal *engine);
void indirect_on_ping_req(shoal *engine, const shoal_header *header);
void indirect_on_ping(shoal *engine, const shoal_header *header,
                      const struct who *src);
void indirect_on_ack(shoal *engine, const shoal_header *header);
/* Sends the nacks that are due. */
void indirect_tick(shoal *engine);

static inline uint64_t indirect_next(const struct indirect *indirect)
{
    return indirect->count > 0 ? indirect->waiting[indirect->first].nack_at_us
                               : SHOAL_NEVER;
}

#endif
