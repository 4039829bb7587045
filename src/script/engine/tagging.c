/* SPDX-License-Identifier: MIT */
#include "tagging.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/protected_call.h"
#include "../../lua/refs.h"
#include "../../lua/templates.h"
#include "../../lua/value.h"

static const char none; /* its address is the value */

void tagging_register(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&none);
    lua_setfield(L, -2, "none");
}

void tagging_push_own(lua_State *L, const shoal *engine)
{
    templates_push_tags(L, shoal_self(engine).tags);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
}

static void check_key(lua_State *L, int key, const char *who)
{
    if (lua_type(L, key) != LUA_TSTRING)
        luaL_error(L, "%s: tags must have names, got the key %s", who,
                   options_describe(L, key));
    if (lua_rawlen(L, key) == 0 || lua_rawlen(L, key) > TAGGING_MAX_KEY)
        luaL_error(L, "%s: the name of a tag must have 1 to %d bytes", who,
                   TAGGING_MAX_KEY);
}

static bool is_none(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == &none;
}

void tagging_push_changed(lua_State *L, const shoal *engine, int index,
                          const char *who)
{
    int merged;

    luaL_checkstack(L, 12, "cannot set tags");
    index = lua_absindex(L, index);
    if (!lua_istable(L, index))
        luaL_error(L, "%s: tags must be a table, got %s", who,
                   options_describe(L, index));
    tagging_push_own(L, engine);
    merged = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, index); lua_settop(L, merged + 1)) {
        check_key(L, merged + 1, who);
        if (is_none(L, merged + 2)) {
            lua_pop(L, 1);
            lua_pushnil(L);
        }
        lua_pushvalue(L, merged + 1);
        lua_insert(L, -2);
        lua_rawset(L, merged);
    }
    if (value_pack(L, merged, "tags") != 0)
        luaL_error(L, "%s: %s", who, lua_tostring(L, -1));
    lua_replace(L, merged);
}

bool tagging_match(lua_State *L, int member, int wanted)
{
    bool matches;

    luaL_checkstack(L, 8, "cannot compare tags");
    member = lua_absindex(L, member);
    wanted = lua_absindex(L, wanted);
    refs_push(L, templates_of(L)->matches);
    lua_getfield(L, member, "tags");
    lua_pushvalue(L, wanted);
    protected_plain(L, 2, 1);
    matches = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return matches;
}
