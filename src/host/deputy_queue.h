/* SPDX-License-Identifier: MIT */
/*
 * Datagrams that were taken out of a socket while nobody could handle them, in
 * the order in which they came. As many as the limits allow: a handler that
 * hangs must not fill the memory.
 */
#ifndef SHOAL_HOST_DEPUTY_QUEUE_H
#define SHOAL_HOST_DEPUTY_QUEUE_H

#include "arrival.h"

enum { DEPUTY_QUEUE_MAX_DATAGRAMS = 4096, DEPUTY_QUEUE_MAX_BYTES = 4 << 20 };

struct deputy_datagram {
    struct deputy_datagram *next;
    struct arrived arrival; /* its packet is in `data` */
    uint8_t data[];
};

/* Zeroed it is empty. */
struct deputy_queue {
    struct deputy_datagram *first, *last;
    size_t count, bytes;
};

/* Copies it to the end. false: beyond a limit, or out of memory. */
bool deputy_queue_push(struct deputy_queue *kept,
                       const struct arrived *arrival);
/* Takes the oldest out; NULL: there is none. The caller frees it with free().
 */
struct deputy_datagram *deputy_queue_pop(struct deputy_queue *kept);
void deputy_queue_clear(struct deputy_queue *kept);

#endif
