/* SPDX-License-Identifier: MIT */
/*
 * node:after(seconds, fn) and node:every(seconds, fn): timers that run on the
 * node's clock (a simulated one in the simulator) and belong to a scope.
 */
#ifndef SHOAL_SCRIPT_NODE_TIMERS_H
#define SHOAL_SCRIPT_NODE_TIMERS_H

#include "../reload/scope.h"

/* STACK: node seconds fn -> timer. May raise. */
int timers_push(lua_State *L, struct scope *scope, bool repeat);
/* Cancels all of the scope's. */
void timers_end(struct scope *scope);

#endif
