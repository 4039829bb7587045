/* SPDX-License-Identifier: MIT */
/* The node's methods that begin something and are told of its outcome. */
#include "children.h"
#include "methods.h"

static int spawn(lua_State *L)
{
    (void)methods_check_sending(L, "node:spawn");
    return children_spawn(L, methods_check_scope(L));
}

const luaL_Reg methods_act[] = {
    {"spawn", spawn},
    {NULL, NULL},
};
