/* SPDX-License-Identifier: MIT */
/*
 * What deputy.c (the thread, and how it gets and gives back the nodes) and
 * deputy_work.c (what it does for them) share; see deputy.h.
 */
#ifndef SHOAL_HOST_DEPUTY_PARTS_H
#define SHOAL_HOST_DEPUTY_PARTS_H

#include "node.h"

#include <poll.h>
#include <pthread.h>
#include <sys/types.h>

struct deputy {
    pthread_t thread;
    pid_t process; /* whose thread that is: a fork has none */
    bool has_thread, has_failed;
    host *stale; /* the loop's thread's, as `stale` of each */

    pthread_mutex_t mutex;
    pthread_cond_t news;
    /* Under the mutex. */
    host *nodes;
    uint64_t since_us;    /* when the handler, or the first of those that
                             followed each other, began; 0: none runs */
    uint64_t stood_in_us; /* the `since_us` of when it last did; or 0 */
    uint64_t hurried_us;  /* the `since_us` in which it stands in at once */
    uint64_t spent_us; /* the `since_us` that is not to be seen to any more */
    bool parked, ending;

    /* The thread's own. */
    struct udp_inbox inbox;
    struct udp_outbox outbox;
    struct pollfd *watched;
    size_t watched_room;
};

/* CLOCK_MONOTONIC, as `since_us`. */
uint64_t deputy_now(void);

/* With the mutex held, while a handler runs. */

/* Makes room for what all nodes have. false: no memory. */
bool deputy_prepare(struct deputy *deputy);
/* Takes over the nodes that are within their limit, and fills `watched` with
 * their sockets: how many. */
size_t deputy_watch(struct deputy *deputy);
/* Takes a batch out of each of their sockets. false: one is in trouble. */
bool deputy_read(struct deputy *deputy);

#endif
