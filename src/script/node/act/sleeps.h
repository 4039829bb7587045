/* SPDX-License-Identifier: MIT */
/* node:go(fn) and node:sleep(seconds): coroutines, and time for them. */
#ifndef SHOAL_SCRIPT_NODE_ACT_SLEEPS_H
#define SHOAL_SCRIPT_NODE_ACT_SLEEPS_H

#include "../../reload/scope.h"

/* STACK: node fn -> (nothing). Runs it soon, as a coroutine. May raise. */
int sleeps_go(lua_State *L, struct scope *scope);
/* STACK: node seconds -> true, after that time. In a coroutine. May raise. */
int sleeps_begin(lua_State *L, struct scope *scope);

#endif
