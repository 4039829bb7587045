/* SPDX-License-Identifier: MIT */
/* A packet to somebody: header, claims, broadcasts. */
#ifndef SHOAL_CORE_SEND_H
#define SHOAL_CORE_SEND_H

#include "exchange.h"

/* What a codec puts around the identities in a header and a claim, at the most.
 */
enum {
    SEND_OVERHEAD = 32,
    SEND_COUNT = 2 /* bytes of the number of claims */
};

/* Sends one message. A packet that cannot be built is noted, and counted by
 * nobody else: a failed send is a missed answer. */
void send_message(shoal *engine, const struct who *to, shoal_message kind,
                  uint8_t number, shoal_bytes peer);
void send_to_member(shoal *engine, struct member *to, shoal_message kind,
                    uint8_t number, shoal_bytes peer);
/* A gossip that begins with `claim`. */
void send_claim(shoal *engine, const struct identity *to,
                const shoal_update *claim);
/* A gossip with `claim` (NULL: none) and nothing else. */
void send_bare_gossip(shoal *engine, const struct who *to,
                      const shoal_update *claim);
/* A message of that kind with nothing behind its header. */
void send_bare(shoal *engine, const struct who *to, shoal_message kind,
               uint8_t number);
/* The same in answer to a packet with that header, whatever it is: an ack, or a
 * gossip of nothing. */
void send_bare_answer(shoal *engine, const struct who *to,
                      const shoal_header *header);
/* Does a packet hold the largest that we send to and about `id`, if that is
 * ours, or somebody else's? 0, TOO_BIG (with a detail) or CODEC. */
int send_check_identity(shoal *engine, shoal_bytes id, bool is_ours);
/* An exchange with as many of those who are left to tell of as it holds, and
 * with the records when they are the last. false: it was not sent. */
bool send_exchange(shoal *engine, const struct who *to,
                   struct tell_list *telling);
/* A gossip to up to `fanout` random active members. */
void send_gossip(shoal *engine, uint32_t fanout);
/* Broadcasts in messages of that kind to up to `fanout` random members that
 * want them, as long as any wait. How many copies went out. */
uint32_t send_items(shoal *engine, uint32_t fanout, shoal_message kind);
/* The same of items of topics, to random members, in a few packets each. */
void send_topics(shoal *engine, uint32_t fanout);
/* An announce to up to `count` random active members. */
void send_announces(shoal *engine, uint32_t count);
/* The same to down ones that may be back. */
void send_announces_to_down(shoal *engine, uint32_t count);

#endif
