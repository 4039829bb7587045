/* SPDX-License-Identifier: MIT */
/* Who we are: renew, be defunct, leave, be somebody else. */
#ifndef SHOAL_CORE_SELF_H
#define SHOAL_CORE_SELF_H

#include "table/backlog.h"
#include "table/members.h"

/* Queues a claim about our address, instead of the one that waits. */
int self_queue_claim(shoal *engine, const shoal_update *claim,
                     enum urgency urgency);
/* Takes another identity, that wins against `adversary` (empty: nobody), or
 * says that there is none. 0, NOMEM, or LOSES. */
int self_renew(shoal *engine, shoal_bytes adversary, bool queue);
/* Somebody knows our identity with that version of tags. An owner that counts
 * no further takes another identity, and begins anew. */
void self_heard_of_tags(shoal *engine, uint64_t version);
/* The cluster has declared us down: renew, or be defunct. 0 or NOMEM. */
int self_declared_down(shoal *engine, bool queue);

#endif
