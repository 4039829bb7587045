/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a node whose socket is in trouble.
 *
 *   it cannot be read        an error now and then is one of an earlier packet,
 *                            and what waits behind it is fine. When there is
 *                            nothing but errors the node reads again after
 *                            10 ms, then 20, ... until each second, instead of
 *                            all the time
 *   it never will be         (it was closed by somebody, it is no socket, a
 *                            sandbox forbids it): after eight of those pauses
 *                            the node has failed
 *   it cannot be watched     the node looks at it every 10 to 100 ms, and tries
 *                            to have it watched again
 *
 * The log tells, once a minute at most, and when it is over.
 */
#ifndef SHOAL_HOST_RECOVERY_H
#define SHOAL_HOST_RECOVERY_H

#include <ev.h>
#include <stdbool.h>

struct host;

/* Of a node. */
struct recovery {
    ev_timer again;
    unsigned errors; /* reads that failed since one did not */
    unsigned pauses; /* since then */
    bool unwatched;  /* libev has given up on the socket */
};

void recovery_init(struct host *node);
/* The watcher of the socket was started. libev hears whether the system will
 * watch it when it waits, and tells when it has waited: it must not wait long.
 */
void recovery_start(struct host *node);
void recovery_stop(struct host *node);
/* A read failed with that errno. true: read on. */
bool recovery_read_failed(struct host *node, int number);
/* One did not. */
void recovery_read(struct host *node);
/* libev has stopped the watcher of the socket. */
void recovery_unwatched(struct host *node);
/* The socket became readable, and was told to be. */
void recovery_watched(struct host *node);

#endif
