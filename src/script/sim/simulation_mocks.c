/* SPDX-License-Identifier: MIT */
#include "../../lua/refs.h"
#include "simulation.h"

static void set_function(lua_State *L, int *ref)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    int fn = refs_new(L);
    refs_free(L, ref);
    *ref = fn;
}

/* on_spawn(fn): fn(place, argv, options) -> { code=, signal=, stdout=, stderr=,
 * after= } | nil, message */
static int on_spawn(lua_State *L)
{
    set_function(L, &simulation_check(L)->mocks.on_spawn);
    return 0;
}

/* on_connect(fn): fn(place, endpoint) -> talk, greeting, closes, after | nil,
 * message; talk(data) -> answer, closes */
static int on_connect(lua_State *L)
{
    set_function(L, &simulation_check(L)->mocks.on_connect);
    return 0;
}

/* on_http(fn): fn(place, request) -> { status=, headers=, body=, after= } |
 * nil, message; `headers` is text, lines as they are sent */
static int on_http(lua_State *L)
{
    set_function(L, &simulation_check(L)->mocks.on_http);
    return 0;
}

const luaL_Reg simulation_mocks[] = {
    {"on_spawn", on_spawn},
    {"on_connect", on_connect},
    {"on_http", on_http},
    {NULL, NULL},
};
