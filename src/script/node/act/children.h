/* SPDX-License-Identifier: MIT */
/*
 * node:spawn(argv, options, fn): programs that scripts run. A node runs a few
 * at a time; others wait in a queue, which has a bound.
 */
#ifndef SHOAL_SCRIPT_NODE_ACT_CHILDREN_H
#define SHOAL_SCRIPT_NODE_ACT_CHILDREN_H

#include "../../reload/scope.h"

enum {
    CHILDREN_MAX = 8,            /* at a time, unless the program says ... */
    CHILDREN_LIMIT = 10000,      /* ... and what it may say */
    CHILDREN_MAX_WAITING = 1024, /* of one node */
};

/* STACK: node argv [options] [fn] -> pending | nil, message, code; without a
 * function what node:spawn() answers in a coroutine. May raise. */
int children_spawn(lua_State *L, struct scope *scope);

#endif
