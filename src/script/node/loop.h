/* SPDX-License-Identifier: MIT */
/*
 * shoal.run(), shoal.stop(), shoal.step(): the default libev loop, driven from
 * Lua. Not from inside of it: a handler that ran the loop again would stand on
 * the stack below a reload of itself.
 */
#ifndef SHOAL_SCRIPT_NODE_LOOP_H
#define SHOAL_SCRIPT_NODE_LOOP_H

#include "../../base/error.h"

#include <ev.h>
#include <lua.h>

/* libev's default loop. It catches SIGCHLD only if the program had it do so, or
 * has loaded lua-ev, whose child watchers need that. NULL and `error`: there is
 * none. */
struct ev_loop *loop_try_default(lua_State *L, struct error *error);
/* STACK: [timeout in seconds] -> (nothing). */
int loop_step(lua_State *L);
/* Adds run, stop and step to the table on top of the stack. */
void loop_register(lua_State *L);

#endif
