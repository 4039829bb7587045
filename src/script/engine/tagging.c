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

static void push_map(lua_State *L, shoal_bytes tags)
{
    templates_push_tags(L, tags);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
}

void tagging_push_own(lua_State *L, const shoal *engine)
{
    push_map(L, shoal_self(engine).tags);
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

static void check_table(lua_State *L, int index, const char *who)
{
    if (!lua_istable(L, index))
        luaL_error(L, "%s: tags must be a table, got %s", who,
                   options_describe(L, index));
}

/* STACK: merged -> merged with the tags of the table at `index` */
static void set_all(lua_State *L, int index, const char *who)
{
    int merged = lua_gettop(L);

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
}

/* An empty table would be packed as a list. */
void tagging_pack(lua_State *L, const char *who)
{
    int table = lua_gettop(L);

    lua_pushnil(L);
    if (lua_next(L, table) == 0)
        lua_pushliteral(L, "\x80");
    else {
        lua_settop(L, table);
        if (value_pack(L, table, "tags") != 0)
            luaL_error(L, "%s: %s", who, lua_tostring(L, -1));
    }
    lua_replace(L, table);
    lua_settop(L, table);
}

void tagging_push_changed(lua_State *L, const shoal *engine, int index,
                          const char *who)
{
    luaL_checkstack(L, 12, "cannot set tags");
    index = lua_absindex(L, index);
    check_table(L, index, who);
    tagging_push_own(L, engine);
    set_all(L, index, who);
    tagging_pack(L, who);
}

void tagging_push_packed(lua_State *L, int index, const char *who)
{
    luaL_checkstack(L, 12, "cannot read tags");
    index = lua_absindex(L, index);
    check_table(L, index, who);
    lua_newtable(L);
    set_all(L, index, who);
    tagging_pack(L, who);
}

int tagging_merge(lua_State *L, shoal_bytes before, shoal_bytes after)
{
    int into = lua_gettop(L), changed = into + 1, count = 0;

    luaL_checkstack(L, 12, "cannot merge tags");
    refs_push(L, templates_of(L)->changed);
    push_map(L, before);
    push_map(L, after);
    protected_plain(L, 2, 1);
    for (lua_pushnil(L); lua_next(L, changed); lua_settop(L, changed + 1)) {
        lua_pushvalue(L, changed + 1);
        lua_getfield(L, changed + 2, "after");
        lua_rawset(L, into);
        count++;
    }
    lua_settop(L, into);
    return count;
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
