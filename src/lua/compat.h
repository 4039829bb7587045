/* SPDX-License-Identifier: MIT */
/*
 * One C API for LuaJIT and Lua 5.1 to 5.4: that of 5.3, as far as this
 * layer uses it. Every file of it that calls Lua includes this one.
 */
#ifndef SHOAL_LUA_COMPAT_H
#define SHOAL_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdint.h>

/* LuaJIT says 5.1 and has some of what came later. */
#ifdef LUA_JITLIBNAME
#define COMPAT_LUAJIT 1
#else
#define COMPAT_LUAJIT 0
#endif

#ifndef LUA_OK
#define LUA_OK 0
#endif

#if LUA_VERSION_NUM == 501

#define lua_rawlen lua_objlen
/* The environment does for userdata what a uservalue does: one table. */
#define lua_getuservalue lua_getfenv
#define lua_setuservalue lua_setfenv

static inline int lua_absindex(lua_State *L, int index)
{
    return index > 0 || index <= LUA_REGISTRYINDEX ? index
                                                   : lua_gettop(L) + index + 1;
}

#if !COMPAT_LUAJIT

static inline void luaL_setfuncs(lua_State *L, const luaL_Reg *functions,
                                 int upvalues)
{
    luaL_checkstack(L, upvalues, "too many upvalues");
    for (; functions->name; functions++) {
        for (int i = 0; i < upvalues; i++)
            lua_pushvalue(L, -upvalues);
        lua_pushcclosure(L, functions->func, upvalues);
        lua_setfield(L, -(upvalues + 2), functions->name);
    }
    lua_pop(L, upvalues);
}

static inline void *luaL_testudata(lua_State *L, int index, const char *name)
{
    void *data = lua_touserdata(L, index);

    if (!data || !lua_getmetatable(L, index))
        return NULL;
    luaL_getmetatable(L, name);
    if (!lua_rawequal(L, -1, -2))
        data = NULL;
    lua_pop(L, 2);
    return data;
}

/* As in later versions, without abbreviating: 20 levels are enough here. */
static inline void luaL_traceback(lua_State *L, lua_State *of,
                                  const char *message, int level)
{
    lua_Debug frame;
    int top = lua_gettop(L), last = level + 20;

    if (message)
        lua_pushfstring(L, "%s\n", message);
    lua_pushliteral(L, "stack traceback:");
    for (; level < last && lua_getstack(of, level, &frame); level++) {
        lua_getinfo(of, "Snl", &frame);
        lua_pushfstring(L, "\n\t%s:", frame.short_src);
        if (frame.currentline > 0)
            lua_pushfstring(L, "%d:", frame.currentline);
        if (*frame.namewhat != '\0')
            lua_pushfstring(L, " in function '%s'", frame.name);
        else if (*frame.what == 'm')
            lua_pushliteral(L, " in main chunk");
        else
            lua_pushfstring(L, " in function <%s:%d>", frame.short_src,
                            frame.linedefined);
        lua_concat(L, lua_gettop(L) - top);
    }
    lua_concat(L, lua_gettop(L) - top);
}

#endif /* !COMPAT_LUAJIT */

#elif LUA_VERSION_NUM >= 504

/* One uservalue is all we use. */
#undef lua_newuserdata
#define lua_newuserdata(L, size) lua_newuserdatauv(L, size, 1)
#undef lua_getuservalue
#define lua_getuservalue(L, index) lua_getiuservalue(L, index, 1)
#undef lua_setuservalue
#define lua_setuservalue(L, index) lua_setiuservalue(L, index, 1)

#endif

/* Is the number at `index` kept as an integer (5.3 and later have two kinds)?
 */
static inline int compat_is_integer(lua_State *L, int index)
{
#if LUA_VERSION_NUM >= 503
    return lua_isinteger(L, index);
#else
    (void)L;
    (void)index;
    return 0;
#endif
}

/* The nearest number that this Lua has. */
static inline void compat_push_uint(lua_State *L, uint64_t value)
{
#if LUA_VERSION_NUM >= 503
    if (value <= INT64_MAX) {
        lua_pushinteger(L, (lua_Integer)value);
        return;
    }
#endif
    lua_pushnumber(L, (lua_Number)value);
}

/* lua_newuserdata() without a uservalue where that costs something. */
static inline void *compat_newblock(lua_State *L, size_t size)
{
#if LUA_VERSION_NUM >= 504
    return lua_newuserdatauv(L, size, 0);
#else
    return lua_newuserdata(L, size);
#endif
}

#endif
