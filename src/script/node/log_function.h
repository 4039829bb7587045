/* SPDX-License-Identifier: MIT */
/*
 * Log lines for a function of the program's (`log` of shoal.start) instead of
 * stderr. A line is written wherever something happens, where Lua must not be
 * called: so it is copied, and told in the next turn of the loop.
 */
#ifndef SHOAL_SCRIPT_NODE_LOG_FUNCTION_H
#define SHOAL_SCRIPT_NODE_LOG_FUNCTION_H

#include "../../base/log.h"
#include "../reload/scope.h"

#include <lua.h>

enum { LOG_FUNCTION_MAX = 1000 /* lines that wait; others are counted */ };

struct log_function_line;

/* Of one node. Without a function it is all zero. */
struct log_function {
    struct scope *scope;             /* the program's; borrowed for life */
    int fn;                          /* reference in its state */
    void (*soon)(struct node *node); /* log_function_tell() is to be called */
    struct log_function_line *first, **last;
    unsigned waiting;
    uint64_t dropped;
};

/* The lines of `log` are for the function on top of the stack from now on; pops
 * it. May raise. */
void log_function_set(lua_State *L, struct log_function *function,
                      struct log *log, struct scope *scope,
                      void (*soon)(struct node *node));
/* Tells the function of those that wait. */
void log_function_tell(struct log_function *function);
/* Forgets what waits; the function is forgotten already. */
void log_function_clear(struct log_function *function);

#endif
