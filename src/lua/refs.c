/* SPDX-License-Identifier: MIT */
/*
 * Slots in the registry itself, which counts downwards from a number that
 * nobody else uses (-1 and -2 are luaL_ref()'s for "none", and looked up by
 * careless code). A free slot holds the number of the next free one, or 0.
 */
#include "refs.h"

#include "compat.h"

#include <assert.h>
#include <stdbool.h>

/* Slots of our own, before those that are given out. */
enum { FREE = -1, LAST = -2 };

enum { NO_SLOT = -(1 << 20) };

static void push_slot(lua_State *L, int slot)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, NO_SLOT - slot);
}

static void set_slot(lua_State *L, int slot)
{
    lua_rawseti(L, LUA_REGISTRYINDEX, NO_SLOT - slot);
}

static int get_number(lua_State *L, int slot)
{
    push_slot(L, slot);
    int number = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return number;
}

static void set_number(lua_State *L, int slot, int number)
{
    lua_pushinteger(L, number);
    set_slot(L, slot);
}

/* Each step may fail, and leaves what the next attempt begins with.
 * STACK: value -> (nothing) */
static int add_slot(lua_State *L)
{
    int slot = get_number(L, LAST) + 1;
    if (slot == 1)
        set_number(L, LAST, 0);
    set_number(L, FREE, 0);
    set_slot(L, slot);
    set_number(L, LAST, slot);
    return slot;
}

int refs_new(lua_State *L)
{
    assert(!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TNUMBER);
    int slot = get_number(L, FREE);
    if (slot == 0)
        return add_slot(L);
    set_number(L, FREE, get_number(L, slot));
    set_slot(L, slot);
    return slot;
}

void refs_push(lua_State *L, int ref)
{
    push_slot(L, ref);
}

void refs_set(lua_State *L, int ref)
{
    assert(ref != REFS_NONE && !lua_isnil(L, -1));
    set_slot(L, ref);
}

static bool is_free(lua_State *L, int slot)
{
    push_slot(L, slot);
    bool answer = lua_isnil(L, -1) || lua_type(L, -1) == LUA_TNUMBER;
    lua_pop(L, 1);
    return answer;
}

void refs_free(lua_State *L, int *ref)
{
    if (*ref == REFS_NONE)
        return;
    bool was_free = is_free(L, *ref);
    assert(!was_free);
    (void)was_free;
    set_number(L, *ref, get_number(L, FREE));
    set_number(L, FREE, *ref);
    *ref = REFS_NONE;
}

void refs_reserve(lua_State *L, const char *key)
{
    lua_getfield(L, LUA_REGISTRYINDEX, key);
    bool is_there = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (is_there)
        return;
    lua_pushboolean(L, 0);
    lua_setfield(L, LUA_REGISTRYINDEX, key);
}
