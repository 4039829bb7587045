/* SPDX-License-Identifier: MIT */
#include "class.h"

void class_push(lua_State *L, const char *name, const luaL_Reg *methods,
                lua_CFunction collect)
{
    if (!class_begin(L, name))
        return;
    if (collect) {
        lua_pushcfunction(L, collect);
        lua_setfield(L, -2, "__gc");
    }
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    class_end(L, name);
}
