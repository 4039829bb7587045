/* SPDX-License-Identifier: MIT */
/* Headers of HTTP as Lua sees them: { ["content-type"] = "text/plain" }. */
#ifndef SHOAL_LUA_HEADERS_H
#define SHOAL_LUA_HEADERS_H

#include "../shoal_types.h"

#include <lua.h>

/* Puts one into the table on top of the stack: under its name in small letters,
 * and behind what is there already, after a comma. May raise. */
void headers_add(lua_State *L, shoal_bytes name, shoal_bytes value);

#endif
