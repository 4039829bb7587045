/* SPDX-License-Identifier: MIT */
/* The C module shoal.core: luaopen_shoal_core() makes a table and lets every
 * file of this layer add its functions (the list is in module.c). */
#ifndef SHOAL_SCRIPT_MODULE_H
#define SHOAL_SCRIPT_MODULE_H

#include "../shoal.h"

#include <lua.h>

SHOAL_API int luaopen_shoal_core(lua_State *L);

#endif
