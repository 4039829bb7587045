/* SPDX-License-Identifier: MIT */
/* What a handler raised, and where, as one text. */
#ifndef SHOAL_LUA_TRACEBACK_H
#define SHOAL_LUA_TRACEBACK_H

#include <lua.h>

#include <stddef.h>

/* A message handler for lua_pcall(): the error value becomes a string with a
 * traceback, without what tells nobody anything. */
int traceback_add(lua_State *L);

/* Where the traceback in `text` begins: how many bytes are before it. */
size_t traceback_start(const char *text, size_t size);

#endif
