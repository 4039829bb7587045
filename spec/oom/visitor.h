/* SPDX-License-Identifier: MIT */
#ifndef SPEC_OOM_VISITOR_H
#define SPEC_OOM_VISITOR_H

#include <lua.h>
#include <stdbool.h>

/* Adds its functions to the table on the top. */
void visitor_register(lua_State *L);

#endif
