/* SPDX-License-Identifier: MIT */
/* Tags as tables of Lua (core/tags.h has their bytes). */
#ifndef SHOAL_SCRIPT_ENGINE_TAGGING_H
#define SHOAL_SCRIPT_ENGINE_TAGGING_H

#include "../../shoal.h"

#include <lua.h>

enum { TAGGING_MAX_KEY = 64 /* bytes */ };

/* Adds `none` to the table on top of the stack: as a value it deletes. */
void tagging_register(lua_State *L);
/* The tags of `engine` with the changes in the table at `index`: pushes their
 * bytes. Raises, with `who` in front, on what tags cannot be. */
void tagging_push_changed(lua_State *L, const shoal *engine, int index,
                          const char *who);
/* Our own, as a table. */
void tagging_push_own(lua_State *L, const shoal *engine);
/* Does the member at `member` have what the table at `wanted` says? true: any
 * value; a function: it decides; else: an equal value. */
bool tagging_match(lua_State *L, int member, int wanted);

#endif
