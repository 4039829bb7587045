/* SPDX-License-Identifier: MIT */
/*
 * The out-of-memory walk of the binding: runs a file of scenarios in a state
 * whose allocator, and the malloc of our own C code, can be told to fail.
 *
 *   oom.arm(n, forever)  the n-th allocation from now fails, or it and all that
 *                        follow; 0: none does
 *   oom.count()          allocations so far
 *   oom.inside(name, ...)  runs that file in a state of its own
 *   oom.visit(path), ...   a client of a socket (visitor.c)
 *
 * Lua's allocator is wrapped, whatever it is, and those of the states that the
 * binding makes; malloc and its kind are replaced by the linker (--wrap) in the
 * objects that are linked here.
 *
 *     spec-oom FOLDER-OF-LUA/ FOLDER-OF-SCENARIOS/ NAME
 */
#include "../../src/script/module.h"
#include "visitor.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

char *__wrap_strdup(const char *string);

char *__wrap_strdup(const char *string)
{
    size_t size = strlen(string) + 1;
    char *copy = __wrap_malloc(size);

    return copy ? memcpy(copy, string, size) : NULL;
}

lua_State *__real_luaL_newstate(void);
lua_State *__wrap_luaL_newstate(void);

/* What its making takes counts as one allocation. */
lua_State *__wrap_luaL_newstate(void)
{
    lua_State *L = is_to_fail() ? NULL : __real_luaL_newstate();
    void *context;

    if (!L)
        return NULL;
    lua_allocate = lua_getallocf(L, &context);
    lua_setallocf(L, allocate, context);
    return L;
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

static int inside(lua_State *L);

static const char *lua_folder, *scenarios_folder;

static void set_path(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_pushfstring(L, "%s?.lua;%s?/init.lua;%s?.lua", lua_folder, lua_folder,
                    scenarios_folder);
    lua_setfield(L, -2, "path");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_shoal_core);
    lua_setfield(L, -2, "shoal.core");
    lua_pop(L, 2);
}

static lua_State *make_state(void)
{
    static const luaL_Reg functions[] = {
        {"arm", arm}, {"count", count}, {"inside", inside}, {NULL, NULL}};
    lua_State *L = luaL_newstate();

    if (!L)
        abort();
    lua_atpanic(L, panic);
    luaL_openlibs(L);
    lua_newtable(L);
    for (const luaL_Reg *each = functions; each->name; each++) {
        lua_pushcfunction(L, each->func);
        lua_setfield(L, -2, each->name);
    }
    visitor_register(L);
    lua_setglobal(L, "oom");
    set_path(L);
    return L;
}

/* Pushes the file of that name, as a function, or why there is none. */
static int load(lua_State *L, const char *name)
{
    return luaL_loadfile(
        L, lua_pushfstring(L, "%s%s.lua", scenarios_folder, name));
}

/* inside(name, numbers...) -> numbers: the file, in a state of its own */
static int inside(lua_State *L)
{
    int last = lua_gettop(L), status;
    lua_State *state = make_state();

    status = load(state, luaL_checkstring(L, 1));
    for (int i = 2; i <= last; i++)
        lua_pushnumber(state, lua_tonumber(L, i));
    if (!status)
        status = lua_pcall(state, last - 1, 2, 0);
    lua_pushnumber(L, lua_tonumber(state, -2));
    lua_pushnumber(L, lua_tonumber(state, -1));
    if (status)
        lua_pushstring(L, lua_tostring(state, -1));
    lua_close(state);
    return status ? lua_error(L) : 2;
}

int main(int argc, char **argv)
{
    lua_State *L;

    if (argc != 4) {
        fprintf(stderr, "usage: spec-oom LUA/ SCENARIOS/ NAME\n");
        return 2;
    }
    lua_folder = argv[1];
    scenarios_folder = argv[2];
    L = make_state();
    if (load(L, argv[3]) || lua_pcall(L, 0, 0, 0)) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        return 1;
    }
    lua_close(L);
    return 0;
}
