/* SPDX-License-Identifier: MIT */
/*
 * The out-of-memory walk of the binding: runs scenarios.lua in a state whose
 * allocator, and the malloc of our own C code, can be told to fail.
 *
 *   oom.arm(n, forever)  the n-th allocation from now fails, or it and all that
 *                        follow; 0: none does
 *   oom.count()          allocations so far
 *
 * Lua's allocator is wrapped, whatever it is; malloc and its kind are replaced
 * by the linker (--wrap) in the objects that are linked here.
 */
#include "../../src/script/module.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned long calls, fail_at;
static bool forever;

static bool is_to_fail(void)
{
    calls++;
    return fail_at > 0 && (forever ? calls >= fail_at : calls == fail_at);
}

/* ---- The allocators ---- */

static lua_Alloc lua_allocate;

static void *allocate(void *context, void *block, size_t old_size,
                      size_t new_size)
{
    /* Without a block, PUC Lua says what it is for instead of a size. */
    bool grows = new_size > 0 && (!block || new_size > old_size);
    if (grows && is_to_fail())
        return NULL;
    return lua_allocate(context, block, old_size, new_size);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
    return is_to_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_to_fail() ? NULL : __real_calloc(count, size);
}

/* A shrink cannot be told from the outside; whoever shrinks bears it. */
void *__wrap_realloc(void *block, size_t size)
{
    return is_to_fail() ? NULL : __real_realloc(block, size);
}

/* ---- For the scenarios ---- */

static int arm(lua_State *L)
{
    lua_Number number = lua_tonumber(L, 1);
    forever = lua_toboolean(L, 2);
    fail_at = number > 0 ? calls + (unsigned long)number : 0;
    return 0;
}

static int count(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)calls);
    return 1;
}

static int panic(lua_State *L)
{
    fprintf(stderr, "an error that nobody caught: %s\n", lua_tostring(L, -1));
    abort();
}

static lua_State *make_state(void)
{
    void *context;
    lua_State *L = luaL_newstate();
    if (!L)
        abort();
    lua_allocate = lua_getallocf(L, &context);
    lua_setallocf(L, allocate, context);
    lua_atpanic(L, panic);
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_shoal_core);
    lua_setfield(L, -2, "shoal.core");
    lua_newtable(L);
    lua_pushcfunction(L, arm);
    lua_setfield(L, -2, "arm");
    lua_pushcfunction(L, count);
    lua_setfield(L, -2, "count");
    lua_setglobal(L, "oom");
    lua_settop(L, 0);
    return L;
}

int main(int argc, char **argv)
{
    lua_State *L = make_state();
    if (argc != 2 || luaL_loadfile(L, argv[1]) || lua_pcall(L, 0, 0, 0)) {
        fprintf(stderr, "%s\n",
                argc == 2 ? lua_tostring(L, -1) : "usage: walk SCENARIOS");
        return 1;
    }
    lua_close(L);
    return 0;
}
