/* SPDX-License-Identifier: MIT */
/* What lua/shoal/crypto.lua shows of ../seal/signature.h. */
#ifndef SHOAL_SCRIPT_SIGNING_H
#define SHOAL_SCRIPT_SIGNING_H

#include <lua.h>

/* Adds `signing`, a table of functions, to the table on top of the stack. */
void signing_register(lua_State *L);

#endif
