/* SPDX-License-Identifier: MIT */
/*
 * Nobody misses an item of a topic without a word (topics.h).
 *
 *   a gap       a number is missing before one that came: after a moment we
 *               ask a random member for it, then others, then its origin
 *   a tail      the last items did not come: pings and acks carry a sum over
 *               the heads of all streams; who sees another one tells its heads
 *   a baseline  whoever has just come asks for the heads of all streams, and
 *               begins there; in a crowd, of whoever was there before it
 *
 * Whoever is asked for what is not here says from where on there is something,
 * and whether what comes before is gone: it had it, or the origin has it no
 * more. When three members say so, the origin or not, or nobody has it for
 * long, the numbers are told as missed. What is lacking all over, after too
 * much was published, is gone by the word of the origin and of two that heard
 * it.
 *
 * A stream counts in the sum while its origin is active, or was lately, and it
 * has been quiet for half a probe period: what moves is under way, and shows
 * its gaps itself. Whoever hears another sum tells all its heads, those that do
 * not fit into a packet to others, one after the other. A pair that differs for
 * good compares at ever longer intervals.
 */
#ifndef SHOAL_CORE_DELIVERY_REPAIR_H
#define SHOAL_CORE_DELIVERY_REPAIR_H

#include "topics.h"

/* Adds what such a message says of all streams. Is it to be said, even if
 * nothing else is? */
bool repair_take(shoal *engine, shoal_message kind, shoal_digest *digest);
/* The header of a ping or ack from `peer` said so. */
void repair_compare(shoal *engine, struct identity *peer,
                    const shoal_header *header);
/* The records of an exchange. */
void repair_receive(shoal *engine, shoal_bytes items,
                    const struct identity *sender);
/* We have become active, or have begun to compare what we know: then the
 * baseline is asked for, unless it is over. */
void repair_begin(shoal *engine);
/* Asks what is due; the earliest time that something is due again. */
uint64_t repair_tick(shoal *engine);

#endif
