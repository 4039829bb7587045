/* SPDX-License-Identifier: MIT */
/*
 * Whose methods are on the stack.
 *
 * Any allocation in Lua may run a finalizer, and some methods call functions of
 * the program's. Either may want to end the very thing that the method is at
 * work with: it asks here first.
 */
#ifndef SHOAL_LUA_ACTIVE_METHODS_H
#define SHOAL_LUA_ACTIVE_METHODS_H

#include "compat.h"

#include <stdbool.h>

/* Is one of the functions of these lists (up to NULL) on the stack, below the
 * function that runs, with `object` as its first argument (NULL: any)? */
bool active_methods_any(lua_State *L, const void *object,
                        const luaL_Reg *const *lists);

#endif
