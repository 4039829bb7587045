/* SPDX-License-Identifier: MIT */
/*
 * A datagram that came in, out of its envelope: the engine's packet, or why
 * there is none.
 */
#ifndef SHOAL_HOST_ARRIVAL_H
#define SHOAL_HOST_ARRIVAL_H

#include "envelope.h"
#include "udp.h"

typedef enum arrival_fate {
    ARRIVAL_PACKET,
    ARRIVAL_PROVEN,    /* a packet of a datagram that was counted before */
    ARRIVAL_TRUNCATED, /* what follows has no packet */
    ARRIVAL_FOREIGN_CLUSTER,
    ARRIVAL_NOT_ALLOWED,
    ARRIVAL_TAKEN, /* it was for the seal */
    ARRIVAL_FOREIGN_KEY,
    ARRIVAL_UNAUTHENTIC,
    ARRIVAL_REPLAYED,
    ARRIVAL_UNPROVEN
} arrival_fate;

struct arrived {
    arrival_fate fate;
    bool is_limited; /* not challenged: its address had enough of these */
    size_t size;     /* of the datagram */
    shoal_bytes packet;
};

static inline bool arrival_has_packet(const struct arrived *arrival)
{
    return arrival->fate <= ARRIVAL_PROVEN;
}

/* Opens the i-th datagram of the inbox where it is: the packet is borrowed
 * until the next one is received. What the seal wants to be sent back goes into
 * `replies`, if there is room. */
struct arrived arrival_open(const struct envelope *envelope,
                            struct udp_inbox *inbox, int i,
                            struct seal_time time, struct udp_outbox *replies);
/* For the envelope of a node that has a seal; else all zero, for nothing. */
struct seal_time arrival_time(const struct envelope *envelope, uint64_t now_us);

/* A packet that waited for its sender's proof. `*held`: whose memory it is, for
 * free(). false: there is none. */
bool arrival_next_proven(const struct envelope *envelope,
                         struct seal_held **held, struct arrived *arrival);

#endif
