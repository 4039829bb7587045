/* SPDX-License-Identifier: MIT */
#include "result.h"

#include "../shoal.h"
#include "compat.h"

int result_fail_pushed(lua_State *L, const char *code)
{
    luaL_checkstack(L, 2, "cannot push an error");
    lua_pushnil(L);
    lua_insert(L, -2);
    lua_pushstring(L, code);
    return 3;
}

int result_fail(lua_State *L, const char *message, const char *code)
{
    luaL_checkstack(L, 3, "cannot push an error");
    lua_pushstring(L, message);
    return result_fail_pushed(L, code);
}

int result_error(lua_State *L, int error, const char *detail)
{
    luaL_checkstack(L, 3, "cannot push an error");
    if (detail && *detail)
        lua_pushfstring(L, "%s (%s)", shoal_error_text(error), detail);
    else
        lua_pushstring(L, shoal_error_text(error));
    return result_fail_pushed(L, shoal_error_name(error));
}
