/* SPDX-License-Identifier: MIT */
#include "store_copy.h"

#include "../../lua/class.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/refs.h"
#include "../../lua/value.h"

static const char type_name[] = "shoal.store";

enum { COPY = 1, BYTES };

/* ---- A table that cannot be added to ---- */

static int refuse(lua_State *L)
{
    return luaL_error(L,
                      "node.store: %s cannot be set here: the store belongs to "
                      "the script, and this is a copy",
                      options_describe(L, 2));
}

static void push_metatable(lua_State *L)
{
    if (!class_begin(L, type_name))
        return;
    lua_pushcfunction(L, refuse);
    lua_setfield(L, -2, "__newindex");
    lua_pushstring(L, type_name);
    lua_setfield(L, -2, "__metatable");
    class_end(L, type_name);
}

/* STACK: metatable table -> metatable */
static void freeze(lua_State *L)
{
    luaL_checkstack(L, 6, "node.store: cannot be copied");
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (!lua_istable(L, -1)) {
            lua_pop(L, 1);
            continue;
        }
        lua_pushvalue(L, -4);
        lua_insert(L, -2);
        freeze(L);
        lua_pop(L, 1);
    }
    lua_pushvalue(L, -2);
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}

/* ---- Lending ---- */

static void forget(lua_State *L, struct scope *reader)
{
    refs_free(L, &reader->lent);
}

/* What cannot be packed any more has been changed, too. */
static bool is_as_lent(lua_State *L, int lent)
{
    lua_rawgeti(L, lent, COPY);
    bool same = value_pack(L, -1, "store") == 0;
    lua_rawgeti(L, lent, BYTES);
    return same && lua_rawequal(L, -1, -2);
}

void store_copy_check(lua_State *L, struct scope *reader)
{
    if (reader->lent == REFS_NONE)
        return;
    int top = lua_gettop(L);
    refs_push(L, reader->lent);
    bool same = is_as_lent(L, top + 1);
    forget(L, reader);
    lua_settop(L, top);
    if (!same)
        luaL_error(L, "node.store: a field was changed here since it was read: "
                      "the store belongs to the script, and that was a copy");
}

void store_copy_lend(lua_State *L, struct scope *reader, shoal_bytes bytes)
{
    size_t used;
    lua_createtable(L, 2, 0);
    if (value_push(L, bytes, &used) != 0)
        luaL_error(L, "node.store: %s", lua_tostring(L, -1));
    push_metatable(L);
    lua_pushvalue(L, -2);
    freeze(L);
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, COPY);
    value_push_bytes(L, bytes);
    lua_rawseti(L, -3, BYTES);
    lua_insert(L, -2);
    reader->lent = refs_new(L);
}
