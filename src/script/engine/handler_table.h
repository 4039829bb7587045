/* SPDX-License-Identifier: MIT */
/*
 * What a table of handlers may hold. A field of another name is refused, with
 * the name that it resembles: `on_memberup` would never be called, silently.
 * Names that begin with "_" are the script's own.
 */
#ifndef SHOAL_SCRIPT_ENGINE_HANDLER_TABLE_H
#define SHOAL_SCRIPT_ENGINE_HANDLER_TABLE_H

#include <lua.h>

/* Raises "<who>: ..." unless the value at `index` is a table of handlers. A
 * table whose metatable has a function `__handlers` is replaced by what that
 * makes of it: a library's table (lua/shoal/services.lua), which may have other
 * fields. What is inside of identity, broadcast and codec is checked by
 * questions_new(). */
void handler_table_check(lua_State *L, int index, const char *who);

/* Pushes a list of what the table defines: "identity.addr", "on_start". */
void handler_table_push_defined(lua_State *L, int index);

#endif
