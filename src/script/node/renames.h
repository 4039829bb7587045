/* SPDX-License-Identifier: MIT */
/*
 * `rename_as_down_up`: handlers that only know members that come and go hear of
 * a rename as of both. Whether the former identity was up is known to the
 * engine, whatever version of the handlers was told so.
 *
 *   was up, is up       RENAME               down(former), up(newcomer)
 *   was up, is down     RENAME, MEMBER_DOWN  down(former), nothing
 *   was down, is up     RENAME, MEMBER_UP    nothing, up(newcomer)
 *   was down, is down   RENAME               nothing
 */
#ifndef SHOAL_SCRIPT_NODE_RENAMES_H
#define SHOAL_SCRIPT_NODE_RENAMES_H

#include "../../shoal.h"

#include <lua.h>

struct node;

/* Are the node's handlers to be told of this event in another way, too? */
bool renames_are_told(const struct node *node, const shoal_effect *effect);
/* Pushes both members, as renames_tell() wants them; `offset_us` makes the
 * engine's times those of Lua. May raise. */
void renames_push(lua_State *L, const shoal_effect *rename, int64_t offset_us);
/* Calls the handlers, in a region of their state; `first` is the index of what
 * was pushed. `is_up`: the newcomer is. */
void renames_tell(lua_State *L, struct node *node, int first, bool is_up);
/* The next event to tell: have the handlers been told already? Asks once. */
bool renames_forestall(struct node *node, const shoal_effect *effect);

#endif
