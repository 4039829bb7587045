/* SPDX-License-Identifier: MIT */
/* Coroutines that wait for something of the node's. */
#ifndef SHOAL_SCRIPT_NODE_COROUTINE_H
#define SHOAL_SCRIPT_NODE_COROUTINE_H

#include <lua.h>

#include <stdbool.h>

/* May the function that runs yield? */
bool coroutine_can_yield(lua_State *L);
/* Is nil at `fn`, where there may be a function to call: does the coroutine
 * that runs wait instead? Raises if it cannot. */
bool coroutine_waits(lua_State *L, int fn, const char *who);
/* Yields from what waits for something of the node's, which will resume it:
 * return coroutine_yield(L). One that the node has begun and that yields in any
 * other way has nobody to resume it: that is an error. */
int coroutine_yield(lua_State *L);
/* Puts below the coroutine and the `nargs` values above it on top of the stack
 * a function that resumes it with them and raises what it raised, with its
 * traceback: STACK: thread values... -> function thread values... One that
 * somebody else has resumed meanwhile is left alone. */
void coroutine_prepare(lua_State *L, int nargs);
/* The same for a function that is to run in a new coroutine:
 * STACK: body values... -> function body values... */
void coroutine_prepare_new(lua_State *L, int nargs);
/* Has the node begun the thread at `index`, for node:go, a command or a page?
 * Otherwise it is the program's own. May raise. */
bool coroutine_is_begun(lua_State *L, int index);

/* If the coroutine that runs raises something, the function at `index` gets the
 * message; 0: no function does, any more. May raise. */
void coroutine_on_failure(lua_State *L, int index);

#endif
