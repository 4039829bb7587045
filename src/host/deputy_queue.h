/* SPDX-License-Identifier: MIT */
/*
 * Datagrams that were taken out of a socket while nobody could handle them, in
 * the order in which they came. As many as the limits allow: a handler that
 * hangs must not fill the memory.
 */
#ifndef SHOAL_HOST_DEPUTY_QUEUE_H
#define SHOAL_HOST_DEPUTY_QUEUE_H

#include "../shoal.h"

enum { KEPT_MAX_DATAGRAMS = 4096, KEPT_MAX_BYTES = 4 << 20 };

struct kept_datagram {
    struct kept_datagram *next;
    size_t size;
    bool truncated; /* this is its beginning */
    uint8_t data[];
};

/* Zeroed it is empty. */
struct kept {
    struct kept_datagram *first, *last;
    size_t count, bytes;
};

/* Copies it to the end. false: beyond a limit, or out of memory. */
bool kept_push(struct kept *kept, shoal_bytes datagram, bool truncated);
/* Takes the oldest out; NULL: there is none. The caller frees it with free().
 */
struct kept_datagram *kept_pop(struct kept *kept);
void kept_clear(struct kept *kept);

#endif
