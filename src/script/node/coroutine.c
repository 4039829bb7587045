/* SPDX-License-Identifier: MIT */
#include "coroutine.h"

#include "../../lua/compat.h"
#include "../../lua/protected_call.h"

#include <string.h>

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

bool coroutine_waits(lua_State *L, int fn, const char *who)
{
    if (!lua_isnil(L, fn))
        return false;
    if (!coroutine_can_yield(L))
        luaL_error(L, "%s: needs a function to call, or a coroutine to wait in",
                   who);
    return true;
}

/* Who waits for us now: set between its yield and the resume that returns. */
static _Thread_local const lua_State *waiting;

/* Whoever resumes it runs on another thread, where nothing must be allocated
 * on behalf of this one: without memory that would unwind the wrong stack. */
enum { ROOM = 20 };

int coroutine_yield(lua_State *L)
{
    luaL_checkstack(L, ROOM, "cannot wait");
    waiting = L;
    return lua_yield(L, 0);
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
#if LUA_VERSION_NUM >= 502
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
static const char begun_key[] = "shoal.coroutine.begun";

/* Pushes { [thread] = value }, which keeps no thread. */
static void push_threads(lua_State *L, const char *key)
{
    lua_getfield(L, LUA_REGISTRYINDEX, key);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, key);
}

void coroutine_on_failure(lua_State *L, int index)
{
    luaL_checkstack(L, 6, "cannot begin a coroutine");
    push_threads(L, failures_key);
    lua_pushthread(L);
    if (index)
        lua_pushvalue(L, index);
    else
        lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* Pushes what the table has of the thread at index 1. */
static void push_of(lua_State *L, const char *key)
{
    push_threads(L, key);
    lua_pushvalue(L, 1);
    lua_rawget(L, -2);
    lua_remove(L, -2);
}

/* STACK: thread ... message -> thread ... message */
static void tell_failure(lua_State *L)
{
    push_of(L, failures_key);
    if (lua_isfunction(L, -1)) {
        lua_pushvalue(L, -2);
        protected_plain(L, 1, 0);
    } else {
        lua_pop(L, 1);
    }
}

/* ---- Those that we have begun ---- */

/* STACK: thread -> thread */
static void note_begun(lua_State *L)
{
    push_threads(L, begun_key);
    lua_pushvalue(L, -2);
    lua_pushboolean(L, true);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

bool coroutine_is_begun(lua_State *L, int index)
{
    luaL_checkstack(L, 5, "cannot look a coroutine up");
    lua_pushvalue(L, index);
    push_threads(L, begun_key);
    lua_insert(L, -2);
    lua_rawget(L, -2);
    bool is_ours = lua_toboolean(L, -1);
    lua_pop(L, 2);
    return is_ours;
}

/* It has yielded, and not to wait for anything of ours. */
static bool is_lost(lua_State *L, lua_State *thread)
{
    if (waiting == thread)
        return false;
    return coroutine_is_begun(L, 1);
}

/* ---- Resuming ---- */

static void push_message(lua_State *L, lua_State *thread, int status)
{
    if (status != LUA_YIELD) {
        if (lua_type(thread, -1) == LUA_TSTRING)
            lua_pushstring(L, lua_tostring(thread, -1));
        else if (lua_type(thread, -1) == LUA_TNUMBER)
            lua_pushfstring(L, "%f", lua_tonumber(thread, -1));
        else
            lua_pushfstring(L, "(error object is a %s value)",
                            luaL_typename(thread, -1));
        return;
    }
    lua_Debug at;
    if (lua_getstack(thread, 1, &at) && lua_getinfo(thread, "Sl", &at) &&
        at.currentline > 0)
        lua_pushfstring(L, "%s:%d: ", at.short_src, at.currentline);
    else
        lua_pushliteral(L, "");
    lua_pushliteral(L, "coroutine.yield: nobody resumes a coroutine of the "
                       "node (node:wait and node:sleep wait)");
    lua_concat(L, 2);
}

/* Is it somebody's, and not ours? */
static bool is_theirs(const lua_Debug *function)
{
    return function->what[0] != 'C' && strcmp(function->source, "=shoal") != 0;
}

/* Of a coroutine that has not begun: the function, or one that it is to call.
 */
static bool find_beginning(lua_State *thread, lua_Debug *function)
{
    for (int i = 1, last = lua_gettop(thread); i <= last; i++) {
        if (!lua_isfunction(thread, i))
            continue;
        lua_pushvalue(thread, i);
        lua_getinfo(thread, ">S", function);
        if (is_theirs(function))
            return true;
    }
    return false;
}

/* Of one that waits: the outermost function. */
static bool find_outermost(lua_State *thread, lua_Debug *function)
{
    lua_Debug at;
    bool is_found = false;
    for (int level = 0; lua_getstack(thread, level, &at); level++) {
        lua_getinfo(thread, "S", &at);
        if (!is_theirs(&at))
            continue;
        *function = at;
        is_found = true;
    }
    return is_found;
}

/* What a slow one is logged with. */
static void note_place(lua_State *L, lua_State *thread)
{
    lua_Debug function;
    if (lua_status(thread) == LUA_YIELD ? find_outermost(thread, &function)
                                        : find_beginning(thread, &function))
        protected_place(L, &function);
}

/* What it raised, with its traceback, is raised again.
 * STACK: thread values... */
static int go_on(lua_State *L, lua_State *thread, int nargs)
{
    if (nargs > ROOM)
        return luaL_error(L, "too many values for a waiting coroutine");
    lua_xmove(L, thread, nargs);
    note_place(L, thread);
    waiting = NULL;
    int status = resume(thread, L, nargs);
    luaL_checkstack(L, 6, "cannot tell of a failure");
    if (status == LUA_OK || (status == LUA_YIELD && !is_lost(L, thread)))
        return 0;
    push_message(L, thread, status);
    tell_failure(L);
    luaL_traceback(L, thread, lua_tostring(L, -1), 0);
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
    note_begun(L);
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
