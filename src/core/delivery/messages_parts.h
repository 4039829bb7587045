/* SPDX-License-Identifier: MIT */
/*
 * What the files of messages.h share:
 *
 *   messages.c          the entry point, and sending
 *   messages_table.c    who has messages under way, and which
 *   messages_receive.c  those of others, and receipts
 */
#ifndef SHOAL_CORE_DELIVERY_MESSAGES_PARTS_H
#define SHOAL_CORE_DELIVERY_MESSAGES_PARTS_H

#include "messages.h"

static inline size_t unacked_size(size_t record)
{
    return sizeof(struct unacked) + record;
}

/* Of the member in that slot; NULL: none. */
struct message_peer *messages_peer_at(const shoal *engine, uint32_t slot);
/* The same, made if need be. NULL: out of memory. */
struct message_peer *messages_peer_of(shoal *engine,
                                      const struct member *member);
/* Notifies of the message at `*place` (0: it was acknowledged), and drops it.
 * false: out of memory, and nothing was done. */
bool messages_end(shoal *engine, struct message_peer *peer,
                  struct unacked **place, int error);
/* All of the peer's; false as above, of the rest. */
bool messages_fail_all(shoal *engine, struct message_peer *peer, int error);
/* For what is due first; there is something. */
void messages_set_timer(shoal *engine, struct message_peer *peer,
                        uint32_t slot);

#endif
