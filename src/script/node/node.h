/* SPDX-License-Identifier: MIT */
/*
 * A node: an engine on a backend, and the Lua code that handles its events.
 *
 *   methods/      shoal.start{...}: options -> a live node; its methods
 *   node.c        its life and its events
 *   info.c        what it tells of itself
 *   admission.c   who may be a member
 *   reload.c      other handlers for it
 *   timers.c, waits.c, listeners.c   what code has set up on it
 *   pending.c     what code waits for, as act/ has it
 *   changes.c     what on_view tells
 *   renames.c     renames as members that go and come
 *   memory.c      what it remembers on disk
 *   rotation.c    another key for the whole cluster
 *   ../reload/    that code: scope.c, version.c, script.c, store.c
 *
 * Life
 *   opening   made by start.c; no Lua code has it yet
 *   live      from the engine's start; on_start is called
 *   closing   what had happened has been told; on_stop is called, then the
 *             backend is closed
 *   closed    every method raises; the memory stays while an object refers to
 *             it
 * A live node holds itself: a program that drops its last reference does not
 * take it out of its cluster.
 *
 * A reload or close asked for while code of the node is on the stack is put
 * off until it has returned (node_put_off()).
 */
#ifndef SHOAL_SCRIPT_NODE_NODE_H
#define SHOAL_SCRIPT_NODE_NODE_H

#include "../../base/log.h"
#include "../../base/networks.h"
#include "../../lua/failure_log.h"
#include "../../lua/program.h"
#include "../reload/modules.h"
#include "../reload/scope.h"
#include "../reload/version.h"
#include "asks.h"
#include "backend.h"
#include "changes.h"
#include "identity.h"
#include "log_function.h"
#include "memory.h"
#include "reload.h"
#include "rotation.h"

/* Programs of a node (act/children.h). */
struct children {
    unsigned max, running, num_waiting;
    struct child *first, **last; /* those that wait; `last` NULL: none yet */
};

enum node_phase { NODE_OPENING, NODE_LIVE, NODE_CLOSING, NODE_CLOSED };

struct node {
    struct program_node listed; /* first; by its owner, while it is open */
    unsigned references;
    enum node_phase phase;
    struct world *world;     /* where it is started; borrowed for life */
    struct backend *backend; /* NULL before it is open, and at the end */

    struct scopes scopes;
    struct scope_hooks hooks; /* of them */
    struct version *current;
    struct version *over; /* replaced while on the stack: to be freed */
    struct reloads reloads;
    uint64_t tickets; /* of messages that were sent */
    struct ask_counts ask_counts;
    unsigned num_asks;     /* that wait for answers */
    struct reply *replies; /* that wait to be sent */
    unsigned num_replies;
    struct changes changes; /* for on_view, while anybody wants to know */
    bool notes_changes;
    bool told_down; /* of the member that the next event tells: renames.h */

    /* Things to do when nothing of the node is on the stack. */
    void *put_off; /* the timer for it */
    bool wants_close, wants_reload;
    char wanted_reason[RELOAD_MAX_REASON];
    struct failure *failures; /* that on_error has not heard of */
    struct children children;
    void (*end_connections)(struct scope *scope); /* NULL: there was none */
    unsigned num_requests;
    unsigned num_calls; /* of commands, that are not over */
    void *wait_timer;   /* while somebody waits */
    unsigned wait_round;

    protected_counts counts;
    struct failure_log failure_log;
    struct log log;
    struct log_function log_function; /* that hears of its lines */
    int on_error;                     /* reference in the program's state */

    char *script; /* absolute path; NULL: handlers are a table */
    struct module_paths paths;
    char *name, *cluster;
    struct networks allowed; /* where members may be; empty: anywhere */
    struct birth birth;      /* what it was started with */
    uint8_t *meta, *args;    /* their bytes, in `birth` */
    struct rotation rotation;
    struct node_memory *memory; /* on disk; NULL: none */
    uint32_t cluster_size;
    uint64_t load_limit_us; /* of the script's file (reload/load_limit.h) */
    bool watches;
    uint64_t started_us;     /* unix time */
    int64_t clock_offset_us; /* see node_clock_offset_us() */
    uint64_t compared_us;    /* when the clocks were, on the engine's */
};

/* The node of an entry in a program's list. */
static inline struct node *node_of(struct program_node *listed)
{
    return (struct node *)listed;
}

/* A node that is opening, with one reference, the caller's. NULL: no memory. */
struct node *node_new(struct program *owner, scope_push_fn *push_object);
void node_hold(struct node *node);
/* Frees it with its last reference. */
void node_release(struct node *node);

/* It could not become live: gives back all but the memory of the node. */
void node_give_up(struct node *node);

/* For the backend; the context is the node. */
host_callbacks node_callbacks(struct node *node);
/* A version that is ready becomes that of the node. */
void node_put_in_charge(struct node *node, struct version *version);
/* It has an engine now: it holds itself and its owner lists it. */
void node_become_live(struct node *node);
/* Tells what waits to be told, calls on_stop and closes. Nothing of the node
 * may be on the stack. */
void node_close(struct node *node);
/* Closes at once, calling nobody: the program's state is going. */
void node_abandon(struct node *node);

/* Is code of the node on the stack, or a version loading? Or is `scope`, which
 * asks, in a state that a reload would close? */
bool node_is_busy(const struct node *node, const struct scope *scope);
/* Does what it `wants` once the stack is free of it. false: no memory. */
bool node_put_off(struct node *node);
/* Is an entry point of the engine on the stack (a question is being asked)? */
bool node_is_asking(struct node *node);

static inline shoal *node_engine(const struct node *node)
{
    return node->backend ? node->backend->ops->engine(node->backend) : NULL;
}
/* Added to the engine's times they are unix time. */
int64_t node_clock_offset_us(struct node *node);
/* After a scope's subscriptions, or the version, have changed. */
void node_update_diagnostics(struct node *node);

#endif
