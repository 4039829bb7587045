/* SPDX-License-Identifier: MIT */
#ifndef SHOAL_SCRIPT_TERMINAL_H
#define SHOAL_SCRIPT_TERMINAL_H

#include <lua.h>

/* Adds is_terminal(descriptor) to the table on top of the stack. */
void terminal_register(lua_State *L);

#endif
