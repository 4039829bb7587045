/* SPDX-License-Identifier: MIT */
/*
 * Headers and members of packets as Lua tables; codec.h pictures them.
 */
#ifndef SHOAL_SCRIPT_ENGINE_CODEC_FIELDS_H
#define SHOAL_SCRIPT_ENGINE_CODEC_FIELDS_H

#include "../../shoal.h"

#include <lua.h>

void fields_push_header(lua_State *L, const shoal_header *header);
void fields_push_member(lua_State *L, const shoal_update *member);

/* Both raise for a table that is not one. They leave on the stack what the
 * bytes of the identities are in: for a header three values (the second is nil
 * if it has only the hash of it, the last for a kind without peer), for a
 * member three (the last two may be nil; the last one is the tags). */
void fields_read_header(lua_State *L, int index, shoal_header *header);
void fields_read_member(lua_State *L, int index, shoal_update *member);

#endif
