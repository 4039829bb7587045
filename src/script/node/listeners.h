/* SPDX-License-Identifier: MIT */
/*
 * node:on(event, fn) and node:off(event, fn): subscriptions of a scope.
 */
#ifndef SHOAL_SCRIPT_NODE_LISTENERS_H
#define SHOAL_SCRIPT_NODE_LISTENERS_H

#include "../reload/scope.h"

/* STACK: node event fn -> (nothing). May raise. */
int listeners_on(lua_State *L, struct scope *scope);
/* STACK: node event fn -> boolean. May raise. */
int listeners_off(lua_State *L, struct scope *scope);
/* Calls those for `event`, and those for "*" unless it is a diagnostic. The
 * event's values (view_push_event()) begin at `first`, to the top of the stack.
 * In a region; does not raise what a listener raised. */
void listeners_tell(lua_State *L, struct scope *scope, shoal_event event,
                    int first);

#endif
