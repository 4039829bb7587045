/* SPDX-License-Identifier: MIT */
#include "headers.h"

#include <lauxlib.h>

static void push_lower(lua_State *L, shoal_bytes text)
{
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (size_t i = 0; i < text.size; i++) {
        char c = (char)text.data[i];
        luaL_addchar(&buffer, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    luaL_pushresult(&buffer);
}

void headers_add(lua_State *L, shoal_bytes name, shoal_bytes value)
{
    luaL_checkstack(L, 8, "cannot push headers");
    push_lower(L, name);
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    bool is_more = lua_isstring(L, -1);
    if (is_more)
        lua_pushliteral(L, ", ");
    else
        lua_pop(L, 1);
    lua_pushlstring(L, (const char *)value.data, value.size);
    if (is_more)
        lua_concat(L, 3);
    lua_rawset(L, -3);
}
