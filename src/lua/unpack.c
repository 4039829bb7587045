/* SPDX-License-Identifier: MIT */
/* MessagePack into Lua values. */
#include "value.h"

#include "../wire/walk.h"
#include "compat.h"

static void push_integer(lua_State *L, struct integer value)
{
    if (!value.negative) {
        compat_push_uint(L, value.bits);
        return;
    }
#if LUA_VERSION_NUM >= 503
    lua_pushinteger(L, (lua_Integer)value.bits);
#else
    lua_pushnumber(L, (lua_Number)(int64_t)value.bits);
#endif
}

static const char *push_value(lua_State *L, struct walk *walk);

static const char *push_array(lua_State *L, struct walk *walk, uint64_t count)
{
    const char *problem = NULL;

    lua_createtable(L, (int)count, 0);
    for (uint64_t i = 1; i <= count && !problem; i++) {
        problem = push_value(L, walk);
        if (!problem)
            lua_rawseti(L, -2, (int)i);
    }
    return problem;
}

static bool is_key(lua_State *L, int index)
{
    if (lua_isnil(L, index))
        return false;
    return lua_type(L, index) != LUA_TNUMBER ||
           lua_tonumber(L, index) == lua_tonumber(L, index);
}

static const char *push_map(lua_State *L, struct walk *walk, uint64_t entries)
{
    const char *problem = NULL;

    lua_createtable(L, 0, (int)entries);
    while (entries-- > 0) {
        problem = push_value(L, walk);
        if (problem)
            return problem;
        if (!is_key(L, -1))
            return "a map has nil or NaN as a key";
        problem = push_value(L, walk);
        if (problem)
            return problem;
        lua_rawset(L, -3);
    }
    return NULL;
}

/* Pushes the next value: NULL; or what is wrong, and leaves what it pushed. */
static const char *push_value(lua_State *L, struct walk *walk)
{
    const uint8_t *lead = walk->at;
    struct check_head head = take_head(walk);
    const uint8_t *body = walk->at;

    walk->at += head.body;
    luaL_checkstack(L, 4, "cannot unpack a value");
    switch (head.type) {
    case CHECK_NIL:
        lua_pushnil(L);
        return NULL;
    case CHECK_BOOL:
        lua_pushboolean(L, *lead == 0xc3);
        return NULL;
    case CHECK_UINT:
    case CHECK_INT:
        push_integer(L, read_integer(&head, body));
        return NULL;
    case CHECK_FLOAT:
        lua_pushnumber(L, read_float(&head, body));
        return NULL;
    case CHECK_STR:
    case CHECK_BIN:
        lua_pushlstring(L, (const char *)body, (size_t)head.body);
        return NULL;
    case CHECK_ARRAY:
        return push_array(L, walk, head.count);
    case CHECK_MAP:
        return push_map(L, walk, head.count / 2);
    default:
        return "extension types are not understood";
    }
}

int value_push(lua_State *L, shoal_bytes bytes, size_t *used)
{
    struct walk walk = {bytes.data, bytes.data + bytes.size};
    const char *problem = "not a well-formed MessagePack value";
    int top = lua_gettop(L);

    if (!check_value(bytes.data, bytes.size, CHECK_DEEPEST, used))
        problem = push_value(L, &walk);
    if (!problem)
        return 0;
    lua_settop(L, top);
    lua_pushstring(L, problem);
    return SHOAL_ERR_MALFORMED;
}
