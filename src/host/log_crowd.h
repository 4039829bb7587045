/* SPDX-License-Identifier: MIT */
/*
 * Lines that come in crowds: when a thousand members join at once, the log has
 * some of them, and then how many more.
 */
#ifndef SHOAL_HOST_LOG_CROWD_H
#define SHOAL_HOST_LOG_CROWD_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_CROWD_LINES = 10, LOG_CROWD_US = 1000 * 1000 };

/* All zero: nothing was said. */
struct log_crowd {
    uint64_t since_us;
    unsigned lines, held_back; /* since then */
};

/* May another line be written? It counts as one that was, or was not. */
bool log_crowd_pass(struct log_crowd *crowd, uint64_t now_us);
/* How many were held back, once the second is over; then none. 0: not yet, or
 * none. */
unsigned log_crowd_rest(struct log_crowd *crowd, uint64_t now_us);

#endif
