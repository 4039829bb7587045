/* SPDX-License-Identifier: MIT */
/*
 * The probe cycle (SWIM 3.1): in each period one member is pinged; without an
 * ack after probe_rtt, num_indirect_probes others are asked to ping it; without
 * any ack at the end of the period it is suspected. That is a *look* at it.
 *
 * With second_look, what the loss of a few packets explains as well is no
 * evidence yet: unless all who were asked say that the target does not answer
 * them either, and we ourselves are well, the next period looks at the same one
 * again. A suspicion counts from the first ping that got no answer.
 *
 * When many die at once, one look in a period takes long, and most who are
 * asked for help are dead themselves. So, with Lifeguard (max_local_health):
 *
 *   - those are asked who were heard lately (heard.h), and only their silence
 *     counts against ourselves
 *   - up to PROBE_LOOKS go on at a time: the next of the round, always; second
 *     looks beside it; members that others have come to suspect; helpers that
 *     kept silent; and for each look that ended badly one more of the round
 *
 * but a single one while nobody is heard at all: then it is probably us. In
 * calm nothing of this happens.
 */
#ifndef SHOAL_CORE_PROBE_H
#define SHOAL_CORE_PROBE_H

#include "table/members.h"

enum { PROBE_LOOKS = 4 };

/* Somebody who was asked to ping a target. */
struct helper {
    struct identity *who;
    bool nacked; /* the target does not answer it either */
    /* It was heard shortly before it was asked, or since: it is there, so it
     * should have said something. */
    bool was_heard, is_heard;
};

struct look {
    struct identity *target;
    uint64_t since_us; /* when the target was pinged first */
    uint8_t number;
    bool succeeded; /* somebody heard of the target ... */
    bool direct;    /* ... and we did, from itself */
    bool again;     /* that is the second look */
    uint32_t num_helpers, capacity;
    struct helper *helpers;
};

/* Whom to look at in the next period, besides the next of the round. */
struct intent {
    struct identity *target;
    uint64_t since_us;
    bool again;
};

struct probe {
    struct look looks[PROBE_LOOKS]; /* those under way */
    uint32_t num_looks;
    struct intent intents[PROBE_LOOKS]; /* second looks first */
    uint32_t num_intents;
    uint32_t extra;      /* more of the round in the next period */
    uint64_t started_us; /* this period's looks */
    uint64_t
        indirect_at_us;    /* when to ask others; SHOAL_NEVER: not (any more) */
    uint64_t period_at_us; /* when the next period starts */
    uint8_t number;
};

void probe_init(struct probe *probe);
/* The first period starts one period from now. */
void probe_arm(shoal *engine);
/* No probing any more, until probe_arm(). */
void probe_disarm(shoal *engine);
/* Gives up what is under way without a verdict. */
void probe_abandon(shoal *engine);
/* Does what is due now. */
void probe_tick(shoal *engine);
/* Others have come to suspect that member: we may look at it, too. */
void probe_hint(shoal *engine, const struct member *member);
/* When the look at it began that is under way; SHOAL_NEVER: there is none. */
uint64_t probe_since(const shoal *engine, const struct identity *target);

/* ---- look.c ---- */

/* Pings the target, of which the look takes over the reference. */
void look_start(shoal *engine, struct look *look, struct member *member);
/* It did not answer: asks others to ping it. */
void look_ask_others(shoal *engine, struct look *look);
/* Has everybody who should have answered said that the target does not? */
bool look_is_unanimous(const shoal *engine, const struct look *look);
/* Those who should have, and did not. */
uint32_t look_num_silent(const shoal *engine, const struct look *look);
void look_clear(shoal *engine, struct look *look);
/* An ack from `id` came, directly. Is it the answer to a ping of ours? */
bool look_on_ack(shoal *engine, shoal_bytes id, uint8_t number);
/* It has no room for us, but it is there. */
void look_on_refusal(shoal *engine, const struct identity *from);
/* `from` says that `id` is there. */
void look_on_forwarded_ack(shoal *engine, shoal_bytes from, shoal_bytes id,
                           uint8_t number);
/* `from` was asked, and `id` does not answer it either. */
void look_on_nack(shoal *engine, shoal_bytes from, shoal_bytes id,
                  uint8_t number);
/* A packet came from it. */
void look_on_packet(shoal *engine, const struct identity *from);

#endif
