/* SPDX-License-Identifier: MIT */
/*
 * shoal.run(), shoal.stop(), shoal.step(): the default libev loop, driven from
 * Lua. Not from inside of it: a handler that ran the loop again would stand on
 * the stack below a reload of itself.
 */
#ifndef SHOAL_SCRIPT_LOOP_H
#define SHOAL_SCRIPT_LOOP_H

#include <lua.h>

/* STACK: [timeout in seconds] -> (nothing). */
int loop_step(lua_State *L);
/* Adds run, stop and step to the table on top of the stack. */
void loop_register(lua_State *L);

#endif
