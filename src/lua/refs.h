/* SPDX-License-Identifier: MIT */
/*
 * References: values that C keeps in the registry of a Lua state, and finds
 * again by a number.
 *
 * They are what luaL_ref() and luaL_unref() are for, which do not bear running
 * out of memory. Where a table grows, LuaJIT and Lua 5.1 enlarge its array
 * first and then make its new hash; if there is no memory for that, integer
 * keys that were in the old hash and now belong into the array are not found
 * any more, and somebody's reference is nil. And luaL_unref() may allocate, so
 * it may raise. Hence these rules, for references and for whatever else C keeps
 * under integers:
 *
 *   A key that is below zero is never in the array, so it is never lost.
 *   Setting a key that exists (its value is not nil) needs no memory.
 */
#ifndef SHOAL_LUA_REFS_H
#define SHOAL_LUA_REFS_H

#include <lua.h>

/* No reference: it finds nil. Others are more than 0. */
enum { REFS_NONE = 0 };

/* Takes the value on top of the stack, neither nil nor a number, into the
 * registry; pops it. Raises when there is no memory; then nothing was kept. */
int refs_new(lua_State *L);

/* The following never raise. */

/* Pushes the value. */
void refs_push(lua_State *L, int ref);
/* Puts the value on top of the stack in place of the other; pops it. */
void refs_set(lua_State *L, int ref);
/* Gives it back, and makes it REFS_NONE, which may be given back again. */
void refs_free(lua_State *L, int *ref);

/* From now on setting `key` of the registry does not raise; it is false until
 * then. Raises when there is no memory. */
void refs_reserve(lua_State *L, const char *key);

#endif
