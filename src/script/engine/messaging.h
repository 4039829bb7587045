/* SPDX-License-Identifier: MIT */
/* Messages in Lua: whom they are for, and what is in them. */
#ifndef SHOAL_SCRIPT_ENGINE_MESSAGING_H
#define SHOAL_SCRIPT_ENGINE_MESSAGING_H

#include "../../lua/value.h"

#include <lua.h>

/* The active member, or ourselves, that the value at `index` means: a member as
 * it was told, of which the identity counts; or an address; or a name, if just
 * one member has it. 0 and `*id`, or how many values were pushed: nil, message,
 * "not_a_member". Raises, with `who` in front, where that is no such value. */
int messaging_find(lua_State *L, const shoal *engine, int index,
                   const char *who, value_identity *id);
/* Pushes the bytes of the value at `index`. Raises if MessagePack cannot carry
 * it. */
shoal_bytes messaging_pack(lua_State *L, int index, const char *who);
/* Pushes what is in a message. What is not one value of MessagePack, from a
 * program in another language, is a string. */
void messaging_push(lua_State *L, shoal_bytes data);
/* Pushes the value that `*from` begins with, which is moved behind it; nil, if
 * there is none. */
void messaging_push_next(lua_State *L, shoal_bytes *from);

#endif
