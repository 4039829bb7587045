/* SPDX-License-Identifier: MIT */
/*
 * node:wait(condition, timeout): a coroutine yields until condition(node)
 * holds. Conditions are asked after events and timers of the node, and every
 * 20 ms besides, since anything may make one true.
 */
#ifndef SHOAL_SCRIPT_NODE_WAITS_H
#define SHOAL_SCRIPT_NODE_WAITS_H

#include "../reload/scope.h"

/* STACK: node condition [timeout] -> the value to return, yielding first unless
 * the condition holds already. May raise. */
int waits_begin(lua_State *L, struct scope *scope);
/* Resumes those whose condition holds or whose time is over. */
void waits_check(struct node *node);
/* The node is going: coroutines of the program's own get (nil, message,
 * "closed"), those that the node has begun end. */
void waits_close(struct scope *scope);
/* Forgets all: their state is going. */
void waits_end(struct scope *scope);

#endif
