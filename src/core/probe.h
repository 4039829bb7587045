/* SPDX-License-Identifier: MIT */
/*
 * The probe cycle (SWIM 3.1): in each period one member is pinged; without an
 * ack after probe_rtt, num_indirect_probes others are asked to ping it; without
 * any ack at the end of the period it is suspected.
 *
 * With second_look, what the loss of a few packets explains as well is no
 * evidence yet: unless all who were asked say that the target does not answer
 * them either, and we ourselves are well, the next period probes the same one
 * again. A suspicion counts from the first ping that got no answer.
 */
#ifndef SHOAL_CORE_PROBE_H
#define SHOAL_CORE_PROBE_H

#include "members.h"

struct probe {
    struct identity *target;  /* NULL: none under way */
    struct identity *doubted; /* who gets the second look; NULL: nobody */
    uint64_t since_us;        /* when the target was pinged first */
    uint64_t
        indirect_at_us;    /* when to ask others; SHOAL_NEVER: not (any more) */
    uint64_t period_at_us; /* when the next period starts */
    uint8_t number;
    bool succeeded; /* somebody heard of the target ... */
    bool direct;    /* ... and we did, from itself */
    bool again;     /* that is the second look */
    uint32_t num_asked, num_nacks;
    struct identity *asked[MEMBERS_MAX_PICK];
    bool nacked[MEMBERS_MAX_PICK]; /* which of them did */
};

void probe_init(struct probe *probe);
/* The first period starts one period from now. */
void probe_arm(shoal *engine);
/* No probing any more, until probe_arm(). */
void probe_disarm(shoal *engine);
/* Gives up the probe under way without a verdict. */
void probe_abandon(shoal *engine);
/* Does what is due now. */
void probe_tick(shoal *engine);
/* An ack from `id` came, directly. */
void probe_on_ack(shoal *engine, shoal_bytes id, uint8_t number);
/* `from` says that `id` is there. */
void probe_on_forwarded_ack(shoal *engine, shoal_bytes from, shoal_bytes id,
                            uint8_t number);
/* `from` was asked, and `id` does not answer it either. */
void probe_on_nack(shoal *engine, shoal_bytes from, shoal_bytes id,
                   uint8_t number);

#endif
