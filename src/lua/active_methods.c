/* SPDX-License-Identifier: MIT */
#include "active_methods.h"

static bool is_listed(const luaL_Reg *list, lua_CFunction function)
{
    for (; list->name; list++) {
        if (list->func == function)
            return true;
    }
    return false;
}

static bool is_in_any(const luaL_Reg *const *lists, lua_CFunction function)
{
    for (; function && *lists; lists++) {
        if (is_listed(*lists, function))
            return true;
    }
    return false;
}

static bool is_called_with(lua_State *L, const lua_Debug *frame,
                           const void *object)
{
    if (!lua_getlocal(L, frame, 1))
        return false;
    bool answer = lua_touserdata(L, -1) == object;
    lua_pop(L, 1);
    return answer;
}

bool active_methods_any(lua_State *L, const void *object,
                        const luaL_Reg *const *lists)
{
    lua_Debug frame;
    luaL_checkstack(L, 2, "cannot look at the stack");
    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "f", &frame);
        lua_CFunction function = lua_tocfunction(L, -1);
        lua_pop(L, 1);
        if (is_in_any(lists, function) &&
            (!object || is_called_with(L, &frame, object)))
            return true;
    }
    return false;
}
