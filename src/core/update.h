/* SPDX-License-Identifier: MIT */
/* A claim about a member: does it hold, what follows from it. */
#ifndef SHOAL_CORE_UPDATE_H
#define SHOAL_CORE_UPDATE_H

#include "table/backlog.h"
#include "table/members.h"

/* Takes a claim, which is about `maybe` if that has its identity (NULL: no
 * idea). With `queue`, what it changes waits to be gossiped. 0 (also when it
 * changed nothing), NOMEM, IDENTITY, FULL or NOT_ADMITTED; the last three are
 * counted. */
int update_apply(shoal *engine, const shoal_update *claim, struct member *maybe,
                 bool queue);
/* The same when the one it is about was looked up already. */
int update_apply_to(shoal *engine, const struct who *who,
                    const shoal_update *claim, bool queue);
/* Takes a claim about a known member that was found to hold. 0 or NOMEM. */
int update_member(shoal *engine, struct member *member,
                  const shoal_update *claim, bool queue);
/* Takes a claim about a known member, if it holds or confirms what we believe.
 * 0 or NOMEM. */
int update_known(shoal *engine, struct member *member,
                 const shoal_update *claim, bool queue);
/* Gossips what was said of `about` before, once more. 0 or NOMEM. */
int update_say_again(shoal *engine, struct member *about,
                     const shoal_update *claim);
/* Puts a claim into the backlog, to be sent that many times, instead of what
 * *owner points at. A codec that fails is noted. 0 or NOMEM. */
int update_queue(shoal *engine, const shoal_update *claim,
                 uint32_t transmissions, struct entry **owner);
/* Forgets a member and what waits about it; a down one that was known to be
 * alive with an event. false: no memory for that, nothing changed. */
bool update_forget(shoal *engine, struct member *member);

#endif
