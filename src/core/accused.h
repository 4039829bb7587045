/* SPDX-License-Identifier: MIT */
/* What others say about us: refute, own our address. */
#ifndef SHOAL_CORE_ACCUSED_H
#define SHOAL_CORE_ACCUSED_H

#include "table/members.h"

/* A claim about our own identity. 0 or NOMEM. */
int accused_hear(shoal *engine, const shoal_update *claim, bool queue);
/* A claim about another identity with our address. 0 or NOMEM. */
int accused_contest(shoal *engine, const struct who *who,
                    const shoal_update *claim, bool queue);
/* A packet came that is for `dst`, another identity of our address (empty: the
 * packet has no more than a hash of it, so nobody knows which one): whoever
 * gets the traffic owns the address. 0 or NOMEM. */
int accused_overhear(shoal *engine, shoal_bytes dst);
/* Tells the sender of that packet who is here. */
void accused_answer(shoal *engine, const shoal_header *header);
/* A turn_undead came. 0 or NOMEM. */
int accused_turn_undead(shoal *engine, struct identity *sender);

#endif
