/* SPDX-License-Identifier: MIT */
/*
 * What rides on membership: messages and topics (delivery/). They use the rest
 * of the engine, which calls them through this table.
 */
#ifndef SHOAL_CORE_DELIVERY_H
#define SHOAL_CORE_DELIVERY_H

#include "table/members.h"

struct delivery_calls {
    void (*init)(shoal *engine);
    void (*clear)(shoal *engine);
    /* We have become active. */
    void (*begin)(shoal *engine);
    /* We have become idle. */
    void (*idle)(shoal *engine);
    /* When something is due; SHOAL_NEVER. */
    uint64_t (*next)(const shoal *engine);
    void (*tick_topics)(shoal *engine);
    void (*tick_messages)(shoal *engine);
    /* Items in packets of their own, to random members. */
    void (*gossip)(shoal *engine);

    /* A record among the broadcasts of a packet. 0 or NOMEM. */
    int (*take_item)(shoal *engine, shoal_bytes item);
    /* Those of an exchange; `member` NULL: its sender is none. */
    void (*take_records)(shoal *engine, shoal_bytes items,
                         const struct identity *sender, struct member *member);
    /* Adds what such a message says of all streams. Is it to be said, even if
     * nothing else is? */
    bool (*add_sum)(shoal *engine, shoal_message kind, shoal_digest *digest);
    /* The header of a ping or ack from `peer` said so. */
    void (*compare)(shoal *engine, struct identity *peer,
                    const shoal_header *header);

    /* `member` is down, or somebody else. */
    void (*gone)(shoal *engine, const struct member *member);
    /* `member` is forgotten. false: no memory, and nothing was done. */
    bool (*forget)(shoal *engine, const struct member *member);
    /* `before` has gone, and `after` (NULL: nobody) has its address. */
    void (*replaced)(shoal *engine, const struct identity *before,
                     const struct member *after);
    /* We are no longer `before`. */
    void (*renewed)(shoal *engine, const struct identity *before);
};

extern const struct delivery_calls delivery_calls; /* in delivery/delivery.c */

#endif
