/* SPDX-License-Identifier: MIT */
/*
 * The deputy: a thread that answers for nodes while their own thread is stuck
 * in a handler, so that a busy script is not a dead member.
 *
 *   the loop's thread                     the deputy
 *
 *   runs, waits, runs                     parked: no wakeups, no system calls
 *   a handler begins  ---- unparks ---->  sleeps 50 ms
 *   the handler ends                      nothing to do: parks
 *   ...
 *   a handler begins  ---- unparks ---->  sleeps 50 ms
 *   is in it still                        stands in: reads the sockets, answers
 *                                         what it can (deputy_reply.h), keeps
 *                                         packets in order (deputy_queue.h)
 *   the handler ends  <--- mutex --------  finishes its batch, parks
 *   handles what was kept,
 *   then reads the socket again
 *
 * Where it is known that something will take long, it does not sleep: to start
 * a program takes as long as the system needs to give it a processor.
 *
 * There is one for all the nodes that were started in a thread; it is made with
 * the first of them, its thread with the first handler, and both go with the
 * last node. A node in a handler for longer than its busy limit is answered for
 * no more: a member that hangs is to be found out.
 *
 * Handlers may follow each other, thousands within a millisecond. Then the next
 * begins where the one before ended, without a word to the deputy, unless the
 * first of them is long ago, or something of the host ran in between.
 *
 * Who may touch what: `since_us` is set by the loop's thread while a handler
 * runs. As long as it is set, the socket, the inbox, the seal and the post of
 * every node are the deputy's, under the mutex; else they are the loop thread's
 * alone. So whatever of the host the loop's thread runs, be it from inside of a
 * handler, takes them back first (host_enter()). Nodes that come and go inside
 * of a handler change no more than the list, under the mutex: a new one is the
 * deputy's as soon as it is in it, one that has left is the loop thread's, and
 * for the others the deputy goes on.
 */
#ifndef SHOAL_HOST_DEPUTY_H
#define SHOAL_HOST_DEPUTY_H

#include "../base/log.h"
#include "deputy_queue.h"
#include "deputy_reply.h"

struct deputy;
struct host;
struct host_stats;

/* What it did, since the node's start. */
struct post_counts {
    uint64_t takeovers, answered, kept, dropped;
    uint64_t sent, bytes_sent, send_errors, receive_errors;
};

/* What it has of each node. */
struct post {
    struct deputy *deputy; /* NULL: this node has none */
    struct host *next;     /* of the same deputy */
    struct host *next_stale;
    bool stale; /* what follows may not be what the node says any more */
    struct deputy_reply reply;
    struct deputy_queue queue;
    struct log log; /* a copy: the node's may be changed by a handler */
    uint64_t limit_us;
    uint64_t stood_in_us; /* `since_us` of when it last did; or 0 */
    bool gave_up;         /* that time */
    struct post_counts counts;
};

/* From now on the calling thread's deputy sees to the node, whose engine is
 * there: inside of a handler, until that has run for the node's limit. false:
 * out of memory. */
bool deputy_add(struct host *node, uint64_t busy_limit_us);
/* And from now on no more: the node is the calling thread's alone, and what was
 * kept is lost. Also fine when it never did. */
void deputy_remove(struct host *node);

/* The loop's thread is about to do what may take long: the deputy stands in at
 * once, until the handler that runs has ended. true: none runs, and it is until
 * host_handler_ended() is called. */
bool deputy_hurry(void);
/* The loop's thread runs host code: see above. */
void deputy_take_back(struct host *node);
/* The node's engine or log is about to change, or has: what the deputy needs to
 * know of them is looked up anew before it could stand in. */
void deputy_note(struct host *node);
/* Adds what the deputy did to the node's figures. */
void deputy_add_stats(const struct host *node, struct host_stats *stats);

#endif
