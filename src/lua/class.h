/* SPDX-License-Identifier: MIT */
/*
 * The metatable of a kind of userdata, made when it is needed first. Unlike
 * luaL_newmetatable(), which leaves a half-made one behind when memory runs out
 * while it is filled:
 *
 *     if (!class_begin(L, name))
 *         return;                   it is there already, and pushed
 *     ...                           fill the new table that is pushed
 *     class_end(L, name);           from now on it is there
 */
#ifndef SHOAL_LUA_CLASS_H
#define SHOAL_LUA_CLASS_H

#include "compat.h"

static inline int class_begin(lua_State *L, const char *name)
{
    luaL_getmetatable(L, name);
    if (lua_istable(L, -1))
        return 0;
    lua_pop(L, 1);
    lua_newtable(L);
    return 1;
}

static inline void class_end(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name"); /* for luaL_checkudata()'s complaint */
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, name);
}

/* Pushes the metatable of a class that has these methods; `collect` (may be
 * NULL) frees an object. Scripts cannot change it. */
void class_push(lua_State *L, const char *name, const luaL_Reg *methods,
                lua_CFunction collect);

#endif
