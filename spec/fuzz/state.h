/* SPDX-License-Identifier: MIT */
/* A Lua state for fuzzers that need one; it serves for all inputs. */
#ifndef SPEC_FUZZ_STATE_H
#define SPEC_FUZZ_STATE_H

#include "../../src/script/module.h"
#include "fuzz.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static shoal_bytes state_input; /* of the run */
static lua_State *state_lua;

/* With shoal.core as the global `core`. */
static inline lua_State *state_open(void)
{
    if (state_lua)
        return state_lua;
    state_lua = luaL_newstate();
    MUST(state_lua);
    luaL_openlibs(state_lua);
    lua_pushcfunction(state_lua, luaopen_shoal_core);
    lua_call(state_lua, 0, 1);
    lua_setglobal(state_lua, "core");
    return state_lua;
}

/* Pushes what `script` returned, the first time that it was asked for. */
static inline void state_push(lua_State *L, const char *script)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "fuzz");
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    if (luaL_loadstring(L, script) != 0)
        lua_error(L);
    lua_call(L, 0, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, "fuzz");
}

/* Calls `fn` with the input in state_input: on the heap, so that a read beyond
 * its end is seen. It must not raise. */
static inline void state_run(lua_CFunction fn, const uint8_t *data, size_t size)
{
    lua_State *L = state_open();
    uint8_t *copy = malloc(size ? size : 1);
    MUST(copy);
    memcpy(copy, data, size);
    state_input = (shoal_bytes){copy, size};
    lua_pushcfunction(L, fn);
    if (lua_pcall(L, 0, 0, 0) != 0) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    free(copy);
    lua_settop(L, 0);
}

#endif
