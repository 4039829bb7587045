/* SPDX-License-Identifier: MIT */
/* Tags as tables of Lua (core/tags.h has their bytes). */
#ifndef SHOAL_SCRIPT_ENGINE_TAGGING_H
#define SHOAL_SCRIPT_ENGINE_TAGGING_H

#include "../../shoal.h"
#include "../../wire/tag_map.h"

#include <lua.h>

enum { TAGGING_MAX_KEY = TAG_MAP_MAX_NAME };

/* Adds `none` to the table on top of the stack: as a value it deletes. */
void tagging_register(lua_State *L);
/* The tags of `engine` with the changes in the table at `index`: pushes their
 * bytes. Raises, with `who` in front, on what tags cannot be. */
void tagging_push_changed(lua_State *L, const shoal *engine, int index,
                          const char *who);
/* Those in the table at `index`, which are all: pushes their bytes. `none` is
 * no tag. Raises likewise. */
void tagging_push_packed(lua_State *L, int index, const char *who);
/* Adds to the table on top what has changed from the tags in `before` to those
 * in `after`, both bytes (of a map, or empty). How many have. Raises. */
int tagging_merge(lua_State *L, shoal_bytes before, shoal_bytes after);
/* Replaces the table on top by its bytes. Raises likewise. */
void tagging_pack(lua_State *L, const char *who);
/* Our own, as a table. */
void tagging_push_own(lua_State *L, const shoal *engine);
/* Does the member at `member` have what the table at `wanted` says? true: any
 * value; a function: it decides, once all others agree; else: an equal value.
 */
bool tagging_match(lua_State *L, int member, int wanted);

#endif
