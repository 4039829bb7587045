/* SPDX-License-Identifier: MIT */
/* The messages under way that an engine keeps (delivery/messages.h). */
#ifndef SHOAL_CORE_TABLE_MESSAGES_STATE_H
#define SHOAL_CORE_TABLE_MESSAGES_STATE_H

#include "identity.h"
#include "timers.h"
#include "window.h"

/* One that has no receipt yet. */
struct unacked {
    struct unacked *next;
    uint64_t ticket, due_us;
    uint32_t number;
    uint16_t size; /* of the record, behind its length */
    uint8_t tries;
    uint8_t bytes[];
};

/* Somebody who was sent a message, or has sent one. */
struct message_peer {
    struct identity *to; /* of the unacked ones; NULL: there are none */
    struct unacked *first, **last; /* by number */
    uint32_t epoch;                /* of what is sent to it; 0: nothing was */
    uint32_t next_number;
    uint32_t timer; /* its place among the timers */
    struct windows windows;
};

struct messages {
    struct message_peer **peers; /* by the member's slot; NULL: none */
    uint32_t capacity;           /* of it */
    uint32_t count;              /* unacked ones */
    size_t bytes;                /* in them */
    struct timers timers;        /* of the peers with unacked ones */
    uint64_t paced_us; /* when the next packet would go, without the burst */
};

#endif
