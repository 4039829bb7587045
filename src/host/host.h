/* SPDX-License-Identifier: MIT */
/*
 * The libev host: one UDP socket, one engine, one timer, in a libev loop.
 *
 * It turns datagrams and time into engine inputs, and the engine's effects
 * into datagrams and `notify` calls. It knows nothing of Lua: the script layer
 * is on the other side of `host_callbacks`.
 *
 * Life of a node
 *   host_open()    binds the socket; host_bound() then tells the real address
 *                  (port 0 was filled in), from which the caller makes its
 *                  identity
 *   host_start()   makes the engine, arms the watchers, announces to the seeds
 *   ...            the loop runs; effects are drained in the loop, never
 *                  inside a call of the program's
 *   host_close()   sends what waits in the effect queue, closes the socket,
 *                  frees the engine. Not from inside a callback: there,
 *                  host_close() only marks the node, and the outermost drain
 *                  closes it (`on_closed` tells).
 *
 * Everything runs in the thread that called host_start(), which is the loop's.
 * Times are microseconds of CLOCK_MONOTONIC.
 *
 * On the wire a packet travels in the host's envelope (docs/wire.md):
 *   no label     the engine's packet as it is
 *   a label      c1, label length (1..64), the label, the engine's packet
 * (c1 is the one byte that never begins a MessagePack value.) A node with a
 * label drops packets with another one or none, a node without a label drops
 * packets that have one; both are counted as `foreign_cluster`.
 *
 * A node with keys seals each packet (../seal/seal.h), the label included, and
 * drops all that is not sealed with one of them.
 */
#ifndef SHOAL_HOST_H
#define SHOAL_HOST_H

#include "../base/address.h"
#include "../base/error.h"
#include "../seal/seal.h"
#include "../shoal.h"
#include "counters.h"

#include <ev.h>

struct log;
struct addresses;
struct networks;
struct address_reach;
typedef struct host host;

enum {
    HOST_MAX_LABEL = 64 /* bytes of a cluster label */
};

/* What the layer above answers and hears. All are called in the loop's thread,
 * with no engine entry point on the stack: they may call any of them. */
typedef struct host_callbacks {
    void *context;
    /* An effect of kind SHOAL_NOTIFY; its bytes are borrowed for the call. */
    void (*on_notify)(void *context, const shoal_effect *effect);
    /* An identity that stands for whoever answers at `endpoint` ("ip:port",
     * resolved): writes SHOAL_MAX_IDENTITY bytes at most into `out`. 0 or an
     * error; then the seed is skipped and logged. */
    int (*identity_at)(void *context, const char *endpoint, uint8_t *out,
                       size_t *size);
    /* The node is gone (host_close was called inside a callback, and has now
     * happened). The last call. */
    void (*on_closed)(void *context);
    /* The node cannot do its work any more, and is to be closed: "cannot
     * receive on 127.0.0.1:7946: bad file descriptor". Told once; may be NULL.
     */
    void (*on_failed)(void *context, const char *error);
} host_callbacks;

/* resolve_lookup_fn of resolve.h. */
typedef const char *host_lookup_fn(const char *name, uint16_t port,
                                   struct address_reach reach,
                                   struct addresses *out);

typedef struct host_options {
    struct ev_loop *loop; /* NULL: default_loop(); borrowed for life */
    const char *bind;     /* "host:port", "[v6]:port"; port 0 picks one */
    const char *cluster;  /* label, or NULL; copied */
    const struct seal_keys *keys; /* NULL: packets are not sealed; copied */
    uint64_t skew_us;             /* of clocks, see ../seal/seal.h */
    /* Nothing is received from other addresses, or sent to them. NULL or
     * empty: there are no others. Borrowed for life. */
    const struct networks *allowed;
    struct log *log;          /* borrowed for life; may be NULL */
    host_callbacks callbacks; /* copied */
    /* For so long the deputy (below) answers while one handler runs; 0: never.
     */
    uint64_t busy_limit_us;
    host_lookup_fn *lookup; /* of names; NULL: the system's */
} host_options;

/* Binds. NULL and `error` on failure: "cannot bind
 * 127.0.0.1:7946: address already in use". A name to bind to is looked up here
 * and now: this is the one call that may block. */
host *host_open(const host_options *options, struct error *error);
/* "127.0.0.1:43211". Borrowed for the node's life. */
const char *host_bound(const host *node);
/* Makes the engine and goes live. `options->identity`, config, seed, handlers
 * as in shoal_new(). 0 or a shoal_error with `error` filled. */
int host_start(host *node, const shoal_options *options, struct error *error);
/* See above. NULL is fine. true: it is gone now; false: it will be when the
 * callbacks that are on the stack have returned, and on_closed tells. */
bool host_close(host *node);
bool host_is_closing(const host *node);

/* NULL before host_start(). Borrowed for the node's life. */
shoal *host_engine(host *node);
struct ev_loop *host_loop(host *node);
/* CLOCK_MONOTONIC now, in microseconds: the `now` for entry points. */
uint64_t host_now(const host *node);
/* To be called after any engine entry point called from outside the host's own
 * watchers: schedules the drain of effects (in this loop iteration) and
 * re-arms the timer. */
void host_wake(host *node);
/* Carries out at once what waits (a bounded number of effects): for a program
 * that is about to close the node and has handlers to tell before. Not inside
 * of on_notify. */
void host_deliver(host *node);
/* Inside of on_notify: takes the next event out as well, instead of a call of
 * its own; what is to be sent before it is sent. Its bytes are borrowed until
 * the next call, or until on_notify returns. false: there is none, or others
 * are to have their turn first. */
bool host_next_event(host *node, shoal_effect *out);
/* Which diagnostics (1u << SHOAL_EVENT_*) to pass to on_notify, besides the
 * events that always come. Use it instead of shoal_set_diagnostics(): the host
 * asks the engine for those that its log wants as well. To be called again when
 * the log's levels were changed. */
void host_set_diagnostics(host *node, uint32_t mask);

/* ---- Inside of another loop ----
 *
 * A program whose loop is not libev's looks at the node's descriptor and its
 * time, and then turns libev's loop once without blocking (EVRUN_NOWAIT).
 */

/* The socket: when it is readable, there is something to do. */
int host_fd(const host *node);
/* In how many microseconds there is something to do even so; a second at most.
 * 0: now. */
uint64_t host_due_in(host *node);

/* ---- Seeds and joining ---- */

/* Told once: the seed was resolved and announced to (error NULL), or could not
 * be resolved; it is kept and tried again all the same. May be NULL. */
typedef void host_join_fn(void *context, const char *endpoint,
                          const char *error);

/* Announces to `endpoint` ("name:port", "ip:port") as soon as the loop runs,
 * and keeps it as a seed; src/base/seeds.h says when seeds are asked again. A
 * name is looked up in a thread, each time; all of its addresses are used, but
 * none that is ours. 0, or -1 with `error` filled when it is no endpoint at
 * all, or an address of a family that the socket cannot send to. */
int host_join(host *node, const char *endpoint, host_join_fn *done,
              void *context, struct error *error);

/* Tells others that we leave: as shoal_leave(), and those seeds as well that we
 * asked within the last minute and that are no members (yet): they may have
 * taken us in without our knowing. 0 or a shoal_error. */
int host_depart(host *node);

/* The i-th seed, as host_join() was given it; NULL: there are no more. Borrowed
 * for the node's life. */
const char *host_seed(const host *node, size_t i);

/* Asks whoever is at that endpoint, which was a member's in a former life of
 * ours: now, and again until it is a member (recall.h). 0; or -1 and `error`
 * when it cannot be asked from here. After host_start(). */
int host_recall(host *node, const char *endpoint, struct error *error);
/* Asks none of those any more. */
void host_recall_end(host *node);

/* ---- Timers of the program (`after`, `every`) ---- */

typedef struct host_timer host_timer;
typedef void host_timer_fn(void *context);
/* `repeat_us` 0: once; it is then freed after `fn` returned. NULL: no memory.
 * host_close() frees those that are left. */
host_timer *host_timer_new(host *node, uint64_t after_us, uint64_t repeat_us,
                           host_timer_fn *fn, void *context);
/* May be called inside its own `fn`. */
void host_timer_cancel(host_timer *timer);

/* ---- Handlers, and who answers meanwhile ----
 *
 * A handler that takes its time keeps the thread, and with it every node that
 * was started in it. So that the others do not take these nodes for dead, a
 * deputy (a thread of the host's) answers their pings once a handler has run
 * for 50 ms, and keeps all packets for when it has returned. Handlers that
 * follow each other count as one for 25 ms.
 */

enum { HOST_BUSY_LIMIT_US = 30 * 1000 * 1000 }; /* the usual busy_limit_us */

/* A handler is about to run in this thread, at `now_us` (0: look at the clock).
 * true: host_handler_ended() must be called when it has returned. false: no
 * node of this thread has a deputy, or this handler was called by another one.
 */
bool host_handler_begins(uint64_t now_us);
/* It has returned; or it goes back to the loop without having returned, in
 * which case host_handler_begins() is called again after that. true: one was
 * running. */
bool host_handler_ended(void);
/* Between the two, for handlers that follow each other: one has returned at
 * `now_us`, and the next begins. true: it begins now, too, and nobody needs to
 * be told. false: it is host_handler_begins() that begins it, as after
 * host_handler_ended(): something else was done since then, or the deputy is
 * due to hear of it. */
bool host_handler_follows(uint64_t now_us);

/* ---- Keys ---- */

/* The node's seal, whose keys may be looked at and changed until the caller
 * returns to the loop; NULL: it has none. */
struct seal *host_seal(host *node);

/* The address at that endpoint does not have the key in use: for so long it is
 * spoken to with that one of ours. An endpoint that is a name is left to what
 * is heard from there. */
void host_speak(host *node, shoal_bytes endpoint, const struct seal_key *key,
                uint64_t us);

/* ---- Numbers ---- */

host_stats host_get_stats(const host *node);

#endif
