/* SPDX-License-Identifier: MIT */
/*
 * Can the loop watch a descriptor?
 *
 * libev tries when it waits for the first time. When the system refuses then,
 * it tells the watcher (EV_ERROR) or, for a descriptor that the system has no
 * way to watch, calls it for ever. To be deaf or busy is worse than not to
 * start.
 */
#ifndef SHOAL_HOST_LOOP_CHECK_H
#define SHOAL_HOST_LOOP_CHECK_H

#include <ev.h>

/* 0, or the errno. */
int loop_check_watching(struct ev_loop *loop, int fd);
/* Has a descriptor watched that libev may have given up on. A plain start, in
 * the turn in which it did, would look to libev as if nothing had changed. */
void loop_watch_again(struct ev_loop *loop, ev_io *watcher);

#endif
