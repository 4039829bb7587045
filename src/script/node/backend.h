/* SPDX-License-Identifier: MIT */
/*
 * What a node of the script layer stands on: sockets and a loop, or a simulated
 * network. The node itself (node.c) knows neither; it asks for the time, an
 * engine, timers and its end through this table.
 *
 * The one over src/host/host.h (backend_libev.c), whose comments say what each
 * function does in full, and the one over src/sim (backend_sim.c) are made by
 * the worlds that nodes are started in.
 */
#ifndef SHOAL_SCRIPT_NODE_BACKEND_H
#define SHOAL_SCRIPT_NODE_BACKEND_H

#include "../../base/error.h"
#include "../../host/act/child.h"
#include "../../host/act/connection.h"
#include "../../host/act/http.h"
#include "../../host/act/io.h"
#include "../../host/host.h"

#include <lua.h>

/* A timer of the program: `fn(context)` once, or every `repeat_us`. */
typedef void backend_timer_fn(void *context);

struct node;

struct backend {
    const struct backend_ops *ops;
};

struct backend_ops {
    /* What the socket is bound to: "127.0.0.1:43211". */
    const char *(*bound)(struct backend *backend);
    /* Makes the engine and goes live. 0 or a shoal_error with `error`
     * filled. */
    int (*start)(struct backend *backend, const shoal_options *options,
                 struct error *error);
    /* NULL before start. */
    shoal *(*engine)(struct backend *backend);
    /* For entry points: monotonic. */
    uint64_t (*now_us)(const struct backend *backend);
    /* For people: unix time. */
    uint64_t (*wall_us)(const struct backend *backend);
    /* After every entry point that was not called by the backend itself. */
    void (*wake)(struct backend *backend);
    /* Sends and tells at once what waits. Nothing of the node may be on the
     * stack. */
    void (*deliver)(struct backend *backend);
    /* Inside of on_notify: takes the next event out as well. false: there is
     * none, or it comes by itself. */
    bool (*next_event)(struct backend *backend, shoal_effect *out);
    /* Which diagnostics to hear of (1u << SHOAL_EVENT_*), besides the events
     * that come always. After start. */
    void (*set_diagnostics)(struct backend *backend, uint32_t mask);
    int (*join)(struct backend *backend, const char *endpoint,
                struct error *error);
    /* Tells members and seeds that we leave: as shoal_leave(), for which it
     * stands. */
    int (*leave)(struct backend *backend);
    /* host_recall(); an endpoint of NULL: host_recall_end(). NULL: nothing is
     * remembered here. */
    int (*recall)(struct backend *backend, const char *endpoint,
                  struct error *error);
    /* The i-th endpoint to join through; NULL: there are no more. */
    const char *(*seed)(struct backend *backend, size_t i);
    void *(*timer_new)(struct backend *backend, uint64_t after_us,
                       uint64_t repeat_us, backend_timer_fn *fn, void *context);
    void (*timer_cancel)(struct backend *backend, void *timer);
    /* Runs a program (host/act/child.h): what it answers, when and how it tells
     * of its end, is as there. */
    void *(*child_new)(struct backend *backend,
                       const host_child_request *request, host_child_fn *fn,
                       void *context, struct error *error);
    void (*child_end)(struct backend *backend, void *child);
    /* Descriptors (host/io.h). NULL: there is no loop that could watch them. */
    void *(*io_new)(struct backend *backend, int fd, bool writes,
                    host_io_fn *fn, void *context, struct error *error);
    void (*io_cancel)(struct backend *backend, void *io);
    /* Connections (host/connection.h). */
    void *(*connection_new)(struct backend *backend, const char *endpoint,
                            const host_connection_events *events,
                            struct error *error);
    void (*connection_want)(void *connection, bool wanted);
    bool (*connection_write)(void *connection, shoal_bytes bytes);
    void (*connection_close)(void *connection);
    /* Requests (host/act/http.h). */
    void *(*http_new)(struct backend *backend, const host_http_request *request,
                      host_http_fn *fn, void *context, struct error *error);
    void (*http_end)(struct backend *backend, void *http);
    /* NULL: packets are not sealed. See host_seal(). */
    struct seal *(*seal)(struct backend *backend);
    /* For that long, what goes to that endpoint is sealed with that key. NULL:
     * it cannot be. */
    void (*speak)(struct backend *backend, shoal_bytes endpoint,
                  const struct seal_key *key, uint64_t us);
    /* Pushes a table of counters. Raises Lua's memory error. */
    void (*push_stats)(struct backend *backend, lua_State *L);
    /* The loop whose files and signals the node may watch; NULL: none (nothing
     * changes on disk while a simulation runs). */
    struct ev_loop *(*loop)(struct backend *backend);
    /* For loops other than libev's, see host_fd() and host_due_in(). NULL: no
     * loop but its own can run it. */
    int (*fd)(struct backend *backend);
    uint64_t (*due_in_us)(struct backend *backend);
    /* Sends what waits, ends all timers, frees the engine and the backend, then
     * calls on_closed: before this returns, or, called inside one of the
     * backend's own calls, after that. */
    void (*close)(struct backend *backend);
};

/* Where nodes are started: on this machine, or in a simulation. */
struct world {
    bool has_disk;    /* nodes may have a memory on it */
    const char *bind; /* when the program does not say; NULL: see open() */
    /* Binds. NULL and `error` on failure. */
    struct backend *(*open)(struct world *world, const host_options *options,
                            struct error *error);
    /* For the random choices of a node that was given none. NULL: real chance.
     */
    uint64_t (*seed)(struct world *world);
    /* Makes the fresh state of a script of the node see this world. May raise.
     * NULL: it sees the real one, as every state does. */
    void (*set_globals)(struct world *world, struct node *node, lua_State *L);
};

/* This machine: src/host. */
struct world *backend_machine(void);

/* Pushes a table of counters. Raises Lua's memory error. */
void backend_push_stats(lua_State *L, const host_stats *stats);

#endif
