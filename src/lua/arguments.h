/* SPDX-License-Identifier: MIT */
/*
 * Arguments of methods, counted as their user does, who writes node:log(...):
 * the first is the one behind the object, at index 2. Lua's own checks know
 * neither the name nor the count of a method that was called in another way
 * (pcall, a tail call).
 *
 *     service.lua:3: node:log: argument 2 must be a string, got nil
 */
#ifndef SHOAL_LUA_ARGUMENTS_H
#define SHOAL_LUA_ARGUMENTS_H

#include <lua.h>

/* `index` is that on the stack, `who` the method as above, `wanted` "a string".
 * Raises. */
int arguments_fail(lua_State *L, int index, const char *who,
                   const char *wanted);
/* The string there; raises if there is none. `size` may be NULL. */
const char *arguments_string(lua_State *L, int index, const char *who,
                             size_t *size);
/* Raises unless there is a table. */
void arguments_table(lua_State *L, int index, const char *who);
/* Raises if there is nothing, or nil. */
void arguments_value(lua_State *L, int index, const char *who,
                     const char *wanted);

#endif
