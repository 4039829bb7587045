/* SPDX-License-Identifier: MIT */
/*
 * node:on(event, fn) and node:off(event, fn), node:subscribe(topic, fn) and
 * node:unsubscribe(topic, fn): subscriptions of a scope.
 */
#ifndef SHOAL_SCRIPT_NODE_LISTENERS_H
#define SHOAL_SCRIPT_NODE_LISTENERS_H

#include "../reload/scope.h"

/* STACK: node event fn -> (nothing). May raise. */
int listeners_on(lua_State *L, struct scope *scope);
/* STACK: node event fn -> boolean. May raise. */
int listeners_off(lua_State *L, struct scope *scope);
/* The same with a topic in place of the event. */
int listeners_subscribe(lua_State *L, struct scope *scope);
int listeners_unsubscribe(lua_State *L, struct scope *scope);
/* Calls those for the topic at `first`, with the values behind it. */
void listeners_tell_topic(lua_State *L, struct scope *scope, int first);
/* Calls those for `event`, and those for "*" unless it is a diagnostic. The
 * event's values (view_push_event()) begin at `first`, to the top of the stack.
 * In a region; does not raise what a listener raised. */
void listeners_tell(lua_State *L, struct scope *scope, shoal_event event,
                    int first);

#endif
