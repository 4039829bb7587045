/* SPDX-License-Identifier: MIT */
/*
 * Tables of one shape that are made all the time: identities and members.
 *
 * Lua makes them, not lua_setfield(): a constructor that names its keys is one
 * copy of a template and a store for each value, a fifth of the work. And a
 * form that goes on into a handler is one function for LuaJIT's compiler, which
 * then makes no table that the handler only reads.
 *
 * An identity is two arguments of a form: the address and the bump of one that
 * has just these two, the most frequent by far; else the value itself and nil.
 */
#ifndef SHOAL_LUA_TEMPLATES_H
#define SHOAL_LUA_TEMPLATES_H

#include "../shoal.h"

#include <lua.h>

enum { TEMPLATES_IDENTITY_ARGS = 2, TEMPLATES_MEMBER_ARGS = 9 };

/* References. */
struct templates {
    /* (member) -> { id=, addr=, state=, incarnation=, since=, reason=, rtt=,
     * tags= } */
    int member;
    int tell;    /* (handler, node, member) -> handler(node, { id=, ... }) */
    int receive; /* (handler, self, data, id) -> handler(self, data, id) */
    int changed; /* (tags before, after) -> { http = { before=, after= } } */
    int matches; /* (tags, wanted) -> boolean */
    int handler_names[SHOAL_NUM_EVENTS]; /* "on_member_up" */
};

/* Those of the state of `L`, which owns them; made when they are asked for the
 * first time. May raise. */
const struct templates *templates_of(lua_State *L);

/* Push the arguments that stand for an identity, for a member, of which the
 * bytes need to last no longer than the call. `offset_us` as in view.h. Raise
 * when there is no memory. */
void templates_push_identity(lua_State *L, shoal_bytes id);
/* The table, or nil: without tags, and where Lua cannot represent them. */
void templates_push_tags(lua_State *L, shoal_bytes tags);
void templates_push_member(lua_State *L, const shoal_member *member,
                           int64_t offset_us);

#endif
