/* SPDX-License-Identifier: MIT */
/*
 * Something that a scope has begun on its node and whose outcome is told later:
 * to a function, or to the coroutine that waits for it. It ends with its scope,
 * or is cancelled, and is told of nothing then.
 *
 * Each is the first part of a block of its kind, which lives in a userdata. The
 * registry keeps that while it is pending.
 *
 *     struct child *child = pending_new(L, sizeof *child, &kind);
 *     ...                             fill it, begin; what raises here is no
 *                                     trouble: nothing is pending yet
 *     pending_begin(L, &child->base, scope, 3);
 *     ...
 *     pending_tell(&child->base, push_result, &result);
 */
#ifndef SHOAL_SCRIPT_NODE_PENDING_H
#define SHOAL_SCRIPT_NODE_PENDING_H

#include "../reload/scope.h"

struct pending;

struct pending_kind {
    const char *what; /* for the log: "spawn" */
    /* It is over, whether it was told or not: gives back what it has. May be
     * NULL. Must not raise. */
    void (*end)(struct pending *pending);
    bool begins; /* the function is the body of a coroutine */
};

struct pending {
    struct scope *scope;           /* NULL: it has not begun, or is over */
    struct pending *next, **place; /* in the list of the scope */
    const struct pending_kind *kind;
    int callee, userdata; /* references */
};

/* Pushes the userdata of a block of that size, all zero, and returns it. May
 * raise. */
void *pending_new(lua_State *L, size_t size, const struct pending_kind *kind);
/* The block on top of the stack is pending from now on; the function at `fn` is
 * to be told, or the coroutine that runs (0). May raise; then it is not. */
void pending_begin(lua_State *L, struct pending *pending, struct scope *scope,
                   int fn);
/* Gives it up. It need not have begun. Does not raise. */
void pending_cancel(struct pending *pending);

/* Pushes the outcome, and says how many values. */
typedef int pending_push_fn(lua_State *L, void *context);
/* It is over: tells. The function gets the node and then the outcome, the
 * coroutine the outcome. The block may be gone when this returns. */
void pending_tell(struct pending *pending, pending_push_fn *push,
                  void *context);
/* The same, and it goes on. Only for functions. */
void pending_tell_again(struct pending *pending, pending_push_fn *push,
                        void *context);

/* Cancels all of the scope. */
void pendings_end(struct scope *scope);

#endif
