/* SPDX-License-Identifier: MIT */
/*
 * Code that uses a node: the program that started it, or a version of its
 * handlers. What a scope has set up on the node (timers, waiting coroutines,
 * children, subscriptions) is its own and ends with it.
 *
 * The node knows whose code is running (`running`), so that what a table of
 * handlers sets up in the program's state is told apart from what the program
 * itself does.
 */
#ifndef SHOAL_SCRIPT_RELOAD_SCOPE_H
#define SHOAL_SCRIPT_RELOAD_SCOPE_H

#include "../../lua/program.h"

struct node;
struct ask;
struct connection;
struct node_timer;
struct pending;
struct wait;

struct scope {
    struct node *node;
    struct scopes *scopes;    /* the node's */
    protected_caller *caller; /* of its state; borrowed for life */
    lua_State *L; /* its state; NULL: the program's, see program.h */
    struct node_timer *timers;
    struct wait *waits;
    struct pending *pendings;
    struct ask *asks;
    struct connection *connections;
    int self;             /* reference of the node's object in its state */
    int listeners;        /* reference of { event = { function, ... } } */
    int sent;             /* reference of what sends.c keeps */
    int lent;             /* reference of what store_copy.c keeps */
    uint32_t diagnostics; /* that they listen to: 1u << SHOAL_EVENT_* */
    bool silent;          /* is loading: must not send */
    bool ended;
};

/* Pushes an object of the node for the state of the scope. May raise. */
typedef void scope_push_fn(lua_State *L, struct scope *scope);

/* What they need of the node. */
struct scope_hooks {
    /* The node stays between the two. */
    void (*hold)(struct node *node);
    void (*release)(struct node *node);
    /* The scope's timers, waits and what else is pending end. */
    void (*end)(struct scope *scope);
    scope_push_fn *push_object;
};

/* The scopes of one node. */
struct scopes {
    struct node *node;
    const struct scope_hooks *hooks;
    struct program *owner; /* whose thread runs what has no state of its own */
    struct scope program;  /* the program's own */
    protected_caller caller; /* of it, and of tables of handlers */
    struct scope *running;   /* whose code runs; NULL: nobody's */
    unsigned depth;          /* of scope_run() */
};

void scopes_init(struct scopes *scopes, struct node *node,
                 const struct scope_hooks *hooks, struct program *owner);

/* `L` NULL: it runs in the program's state. */
void scope_init(struct scope *scope, struct scopes *scopes,
                protected_caller *caller, lua_State *L);
/* Ends its timers, waits and subscriptions; further ones are refused. The
 * references are given back while the state lives. Never raises. */
void scope_end(struct scope *scope);

/* The thread to call it on. */
lua_State *scope_state(const struct scope *scope);
/* protected_run() on behalf of the scope; the node stays until this returns. */
int scope_run(struct scope *scope, protected_fn *fn, void *context,
              const char *what);
/* protected_call() on behalf of the scope, on the thread that is running now.
 * Raises only before it calls: no stack left. */
int scope_call(struct scope *scope, lua_State *L, int nargs, int nresults,
               const char *what);

/* Pushes the node's object. Does not raise. */
void scope_push_self(const struct scope *scope, lua_State *L);

#endif
