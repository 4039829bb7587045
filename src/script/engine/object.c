/* SPDX-License-Identifier: MIT */
#include "object.h"

struct engine_object *object_check(lua_State *L)
{
    return luaL_checkudata(L, 1, OBJECT_NAME);
}

struct engine_object *object_check_open(lua_State *L)
{
    struct engine_object *object = object_check(L);

    if (!object->core)
        luaL_error(L, "the engine is closed");
    return object;
}
