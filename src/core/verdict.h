/* SPDX-License-Identifier: MIT */
/* What we say about others: tell them, doubt it. */
#ifndef SHOAL_CORE_VERDICT_H
#define SHOAL_CORE_VERDICT_H

#include "table/members.h"

/* Tells `to` what is believed of it, in answer to its packet; it is down or has
 * lost its address. */
void verdict_answer(shoal *engine, const struct who *to);
/* Tells a down member that it is. false: it was told lately, or nobody is. */
bool verdict_tell(shoal *engine, const struct member *member);
/* Somebody takes that down member for alive: tells the member. */
void verdict_disputed(shoal *engine, const struct member *member);
/* We have come to know that we were taken for down ourselves: what we believed
 * meanwhile may be as wrong. Suspicions begin anew, verdicts that wait are not
 * told, and those that we hold are doubted. */
void verdict_doubt_all(shoal *engine);
/* Does a claim override what we believe? A doubt lasts for as long as the
 * longest suspicion: by then somebody has told us of all that are alive, and
 * what is said later may be older than the verdict. */
bool verdict_yields(const shoal *engine, struct member *member,
                    const shoal_update *claim);

#endif
