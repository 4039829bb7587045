/* SPDX-License-Identifier: MIT */
/*
 * A file that never returns, such as one with `while true do end`, would stop
 * the member that loads it for ever: after some time the load ends with an
 * error, in the middle of the file.
 *
 * Lua looks at the clock each million instructions. What LuaJIT compiles does
 * not, so its compiler is off while the file runs.
 */
#ifndef SHOAL_SCRIPT_RELOAD_LOAD_LIMIT_H
#define SHOAL_SCRIPT_RELOAD_LOAD_LIMIT_H

#include <lua.h>
#include <stdint.h>

enum { LOAD_LIMIT_US = 30 * 1000 * 1000 }; /* the usual one */

/* From now on, in the state `L` of which nothing has run yet; 0: LOAD_LIMIT_US.
 * Returns what load_limit_end() wants. */
uint64_t load_limit_begin(lua_State *L, uint64_t limit_us);
void load_limit_end(lua_State *L, uint64_t before);

#endif
