/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include "../lua/compat.h"

#include <unistd.h>

/* is_terminal(descriptor): does a person look at it? */
static int is_terminal(lua_State *L)
{
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

void terminal_register(lua_State *L)
{
    lua_pushcfunction(L, is_terminal);
    lua_setfield(L, -2, "is_terminal");
}
