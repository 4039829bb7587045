/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include "compat.h"
#include "options.h"

int arguments_fail(lua_State *L, int index, const char *who, const char *wanted)
{
    return luaL_error(L, "%s: argument %d must be %s, got %s", who, index - 1,
                      wanted, options_describe(L, index));
}

const char *arguments_string(lua_State *L, int index, const char *who,
                             size_t *size)
{
    if (!lua_isstring(L, index))
        arguments_fail(L, index, who, "a string");
    return lua_tolstring(L, index, size);
}

void arguments_table(lua_State *L, int index, const char *who)
{
    if (!lua_istable(L, index))
        arguments_fail(L, index, who, "a table");
}

void arguments_value(lua_State *L, int index, const char *who,
                     const char *wanted)
{
    if (lua_isnoneornil(L, index))
        arguments_fail(L, index, who, wanted);
}
