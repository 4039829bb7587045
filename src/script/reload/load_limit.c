/* SPDX-License-Identifier: MIT */
#include "load_limit.h"

#include "../../base/clock.h"
#include "../../lua/compat.h"

#include <lauxlib.h>
#include <stdbool.h>
#if COMPAT_LUAJIT
#include <luajit.h>
#endif

enum { INSTRUCTIONS = 1000000 };

/* Of the load that this thread is in; 0: of none. A hook has no context. */
static _Thread_local uint64_t deadline_us;

static void set_compiler(lua_State *L, bool on)
{
#if COMPAT_LUAJIT
    (void)luaJIT_setmode(
        L, 0, LUAJIT_MODE_ENGINE | (on ? LUAJIT_MODE_ON : LUAJIT_MODE_OFF));
#else
    (void)L, (void)on;
#endif
}

/* Coroutines that the file has made keep the hook. */
static void on_count(lua_State *L, lua_Debug *where)
{
    if (deadline_us == 0 || clock_monotonic_us() < deadline_us)
        return;
    lua_sethook(L, on_count, LUA_MASKCOUNT, 1); /* pcall() does not help it */
    lua_getinfo(L, "Sl", where);
    lua_pushfstring(L,
                    "%s:%d: the file does not return (it has as long as "
                    "--busy-limit says, 30 s where that is 0)",
                    where->short_src, where->currentline);
    lua_error(L);
}

uint64_t load_limit_begin(lua_State *L, uint64_t limit_us)
{
    uint64_t before = deadline_us;

    deadline_us = clock_monotonic_us() + (limit_us ? limit_us : LOAD_LIMIT_US);
    set_compiler(L, false);
    lua_sethook(L, on_count, LUA_MASKCOUNT, INSTRUCTIONS);
    return before;
}

void load_limit_end(lua_State *L, uint64_t before)
{
    lua_sethook(L, NULL, 0, 0);
    set_compiler(L, true);
    deadline_us = before;
}
