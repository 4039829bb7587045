/* SPDX-License-Identifier: MIT */
#include "coroutine.h"

#include "../../lua/compat.h"
#include "../../lua/protected_call.h"

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

/* ---- Those whose failures somebody wants to know of ---- */

static const char failures_key[] = "shoal.coroutine.failures";

/* Pushes { [thread] = function }, which keeps no thread. */
static void push_failures(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, failures_key);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, failures_key);
}

void coroutine_on_failure(lua_State *L, int index)
{
    luaL_checkstack(L, 6, "cannot begin a coroutine");
    push_failures(L);
    lua_pushthread(L);
    if (index)
        lua_pushvalue(L, index);
    else
        lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static void tell_failure(lua_State *L, lua_State *thread)
{
    luaL_checkstack(L, 6, "cannot tell of a failure");
    push_failures(L);
    lua_pushthread(thread);
    lua_xmove(thread, L, 1);
    lua_rawget(L, -2);
    if (lua_isfunction(L, -1)) {
        const char *message = lua_tostring(thread, -1);
        lua_pushstring(L, message ? message : "(no message)");
        protected_plain(L, 1, 0);
        lua_pop(L, 1);
    } else {
        lua_pop(L, 2);
    }
}

/* ---- Resuming ---- */

/* What it raised, with its traceback, is raised again. */
static int go_on(lua_State *L, lua_State *thread, int nargs)
{
    if (!lua_checkstack(thread, nargs))
        return luaL_error(L, "no stack left in a waiting coroutine");
    lua_xmove(L, thread, nargs);
    int status = resume(thread, L, nargs);
    if (status == LUA_OK || status == LUA_YIELD)
        return 0;
    tell_failure(L, thread);
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
