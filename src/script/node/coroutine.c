/* SPDX-License-Identifier: MIT */
#include "coroutine.h"

#include "../../lua/compat.h"

bool coroutine_can_yield(lua_State *L)
{
#if COMPAT_LUAJIT || LUA_VERSION_NUM >= 503
    return lua_isyieldable(L);
#else
    bool is_main = lua_pushthread(L);
    lua_pop(L, 1);
    return !is_main;
#endif
}

static int resume(lua_State *thread, lua_State *from, int nargs)
{
#if LUA_VERSION_NUM >= 504
    int results;
    int status = lua_resume(thread, from, nargs, &results);
    if (status == LUA_OK || status == LUA_YIELD)
        lua_pop(thread, results);
    return status;
#else
#if LUA_VERSION_NUM >= 503
    int status = lua_resume(thread, from, nargs);
#else
    int status = lua_resume(thread, nargs);
    (void)from;
#endif
    if (status == LUA_OK || status == LUA_YIELD)
        lua_settop(thread, 0);
    return status;
#endif
}

/* What it raised, with its traceback, is raised again. */
static int go_on(lua_State *L, lua_State *thread, int nargs)
{
    if (!lua_checkstack(thread, nargs))
        return luaL_error(L, "no stack left in a waiting coroutine");
    lua_xmove(L, thread, nargs);
    int status = resume(thread, L, nargs);
    if (status == LUA_OK || status == LUA_YIELD)
        return 0;
    const char *message = lua_tostring(thread, -1);
    luaL_traceback(L, thread, message ? message : "(no message)", 0);
    return lua_error(L);
}

/* (thread, values...): a handler like any other to the caller. */
static int resume_thread(lua_State *L)
{
    lua_State *thread = lua_tothread(L, 1);
    /* Somebody else may have resumed it meanwhile: then nobody waits. */
    if (lua_status(thread) != LUA_YIELD)
        return 0;
    return go_on(L, thread, lua_gettop(L) - 1);
}

/* (function, values...) */
static int begin_thread(lua_State *L)
{
    int nargs = lua_gettop(L) - 1;
    lua_State *thread = lua_newthread(L);
    lua_insert(L, 1);
    lua_pushvalue(L, 2);
    lua_xmove(L, thread, 1);
    lua_remove(L, 2);
    return go_on(L, thread, nargs);
}

static void put_below(lua_State *L, lua_CFunction function, int nargs)
{
    luaL_checkstack(L, 1, "cannot resume a coroutine");
    lua_pushcfunction(L, function);
    lua_insert(L, -nargs - 2);
}

void coroutine_prepare(lua_State *L, int nargs)
{
    put_below(L, resume_thread, nargs);
}

void coroutine_prepare_new(lua_State *L, int nargs)
{
    put_below(L, begin_thread, nargs);
}
