/* SPDX-License-Identifier: MIT */
/* What is asked of the embedder. */
#ifndef SHOAL_CORE_ASK_H
#define SHOAL_CORE_ASK_H

#include "table/members.h"

/* Who is `id`? Fills `who`; 0, IDENTITY (it is no identity, or the question
 * failed). Costs no question when we know it. */
int ask_who(shoal *engine, shoal_bytes id, struct who *who);
/* `who` borrowing from an identity we hold. */
void who_from(struct who *who, const struct identity *identity);
/* Does `id` replace `adversary`, which has the same address? A question that
 * fails is a no. */
bool ask_wins(shoal *engine, shoal_bytes id, shoal_bytes adversary);
/* 0, LOSES, or IDENTITY when the question failed. */
int ask_check_wins(shoal *engine, shoal_bytes id, shoal_bytes adversary);
/* An identity to come back with, that wins against ours and against `adversary`
 * (empty: nobody): true and `who` (which borrows from `buffer`,
 * SHOAL_MAX_IDENTITY bytes). */
bool ask_renew(shoal *engine, shoal_bytes adversary, uint8_t *buffer,
               struct who *who);
/* 1 and `*key`, 0, or an error. */
int ask_receive(shoal *engine, shoal_bytes data, shoal_bytes sender,
                shoal_bytes *key);
bool ask_invalidates(shoal *engine, shoal_bytes key, shoal_bytes other);
bool ask_wanted_by(shoal *engine, const struct member *member);
/* May it become a member? A question that fails is a no. */
bool ask_admit(shoal *engine, const struct who *who);
/* Are these tags of `member` to be believed? A question that fails is a no. */
bool ask_check_tags(shoal *engine, const struct member *member,
                    shoal_bytes tags);
int ask_encode_header(shoal *engine, const shoal_header *header, uint8_t *out,
                      size_t room, size_t *size);
int ask_decode_header(shoal *engine, shoal_bytes packet, shoal_header *header,
                      size_t *used);
int ask_encode_member(shoal *engine, const shoal_update *claim, uint8_t *out,
                      size_t room, size_t *size);
int ask_decode_member(shoal *engine, shoal_bytes bytes, shoal_update *claim,
                      size_t *used);

#endif
