/* SPDX-License-Identifier: MIT */
/*
 * What a node is made of; for the files of the host only.
 *
 *   node.c           opening, starting, closing; the watchers
 *   inbound.c        datagrams in; arrival.c, envelope.c
 *   recovery.c       what becomes of a socket in trouble
 *   outbound.c       the engine's effects: into the outbox, into callbacks
 *   join.c           asks the seeds that ../base/seeds.h says
 *   recall.c         asks those that were members in a former life
 *   seed_standing.c  what a seed's address is to us
 *   rival.c          another process that has our address
 *   path_check.c     do large packets arrive?
 *   padded_ping.c    pings past the engine
 *   timer.c          the program's timers
 *   act/             programs that it runs, descriptors that it watches,
 *                    connections, requests
 *   foreign_loop.c   what a foreign loop has to know
 *   deputy.c         who answers while a handler keeps the thread;
 *                    deputy_work.c, deputy_reply.c, deputy_queue.c
 *   log_node.c       what of all that goes into the log
 *
 * Every call from the loop into the node is between host_enter() and
 * host_leave(). Whatever the program's callbacks do meanwhile (queue effects,
 * close the node) takes effect in host_leave() of the outermost.
 */
#ifndef SHOAL_HOST_NODE_H
#define SHOAL_HOST_NODE_H

#include "../base/seeds.h"
#include "arrival.h"
#include "deputy.h"
#include "endpoint_cache.h"
#include "envelope.h"
#include "host.h"
#include "log_node.h"
#include "loop_check.h"
#include "path_check.h"
#include "recall.h"
#include "recovery.h"
#include "resolve.h"
#include "rival.h"
#include "udp.h"

/* What scripts do besides membership, in the order in which it ends: requests
 * use connections, and both ask for names. */
enum host_act {
    HOST_CHILDREN,
    HOST_REQUESTS,
    HOST_CONNECTIONS,
    HOST_NAMES,
    HOST_IOS,
    HOST_ACTS
};

struct host {
    struct ev_loop *loop;
    struct log *log;
    host_callbacks callbacks;
    uint64_t busy_limit_us;
    shoal *engine; /* NULL before host_start() */

    struct udp udp;
    struct udp_inbox inbox;
    struct arrived arrivals[UDP_BATCH]; /* what is in it */
    int batch; /* datagrams in it that may not have been answered yet */
    struct udp_outbox outbox;
    struct envelope envelope;
    uint64_t lost; /* of what its seal has held, as far as that was counted */
    struct post post; /* the deputy's */
    struct resolver *resolver;
    struct endpoint_cache endpoints;

    ev_io readable;
    struct recovery recovery;
    ev_timer deadline;
    uint64_t armed_us; /* what `deadline` waits for; SHOAL_NEVER: nothing */
    ev_prepare wakeup; /* never started; fed by host_wake() */

    struct seeds seeds;
    ev_timer seeding;    /* fires when they are due */
    uint64_t seeding_us; /* when that is; SHOAL_NEVER: it is not armed */
    struct recall recall;
    bool silence_told; /* the log knows that no seed answers */
    bool was_answered; /* by another member, once */
    struct rival rival;
    struct path_check path;
    host_timer *timers;
    host_lookup_fn *lookup;

    /* For act/, which says how its things end when there are any. */
    void (*end_acts[HOST_ACTS])(host *node);
    struct host_child *children;
    struct host_io *ios;
    struct host_connection *connections;
    struct resolver *names; /* where they go; NULL: none had a name yet */
    struct name_question *name_questions;
    struct http *http; /* NULL: nothing was asked for yet */
    bool no_pidfd;     /* for specs: as on a system that has none */

    struct log_node log_node;
    uint32_t diagnostics; /* the program's */
    host_stats stats;

    unsigned depth; /* of host_enter() */
    bool draining, closing, failed;
    unsigned drained; /* effects, since this drain began */
    bool dropped;     /* something was, since the log was told */
    bool behind;      /* something was left for the next wakeup */
    char bound[ADDRESS_MAX_ENDPOINT];
};

void host_enter(host *node);
/* Drains the effects, arms the timers; closes the node if that was asked for,
 * in which case it is gone when this returns. */
void host_leave(host *node);
/* The node cannot go on: tells the log and the layer above. To be called
 * between the two. */
void host_fail(host *node, const char *what, int number);

static inline double host_seconds_until(uint64_t due_us, uint64_t now_us)
{
    return due_us > now_us ? (double)(due_us - now_us) / 1e6 : 0.;
}

/* ---- inbound.c ---- */

/* Room for packets of max_packet_size. false: no memory for it. */
bool inbound_fit(host *node);
/* Handles what waits in the socket, a bounded number of datagrams. */
void inbound_waiting(host *node);
/* The same until it is certain that nothing waits, within a larger bound. */
void inbound_all(host *node);

/* ---- outbound.c ---- */

/* Carries out the effects that wait, a bounded number of them; the rest in the
 * next wakeup. */
void outbound_drain(host *node);
/* Sends what waits to be sent, without a callback: for the end. */
void outbound_drain_sends(host *node);
/* Puts a packet that is not the engine's into the outbox. */
void outbound_send(host *node, shoal_bytes packet, const struct address *to);

/* ---- join.c ---- */

void join_init(host *node);
/* Announces to the seeds that are due. */
void join_ask(host *node);
/* Arms the timer of the seeds; after the connection state may have changed.
 * true: some are due now. */
bool join_watch(host *node);
void join_clear(host *node);
/* Can our socket send there? An address of the other family would never get a
 * packet; neither would one of another host, if we are bound to the loopback. A
 * name may have one that does. */
bool join_reaches(const host *node, const struct endpoint *endpoint);
/* Asks whoever is at that address to let us join. 0, or -1 and `error`. */
int join_announce(host *node, const char *address, struct error *error);

/* ---- seed_standing.c ---- */

/* `context` is the node. The address ("ip:port") may be ours in any spelling;
 * a name is ours only as our identity has it. */
seeds_standing_fn seed_standing_of;
/* Does our socket get what is sent to that address of this host? */
bool seed_standing_is_bound(const host *node, const struct address *address);

/* ---- timer.c ---- */

void host_timers_clear(host *node);
/* The least of `us` and what `sooner` makes of it for each timer. */
uint64_t host_timers_due_in(host *node,
                            uint64_t (*sooner)(const host *node,
                                               ev_timer *timer, uint64_t us),
                            uint64_t us);

#endif
