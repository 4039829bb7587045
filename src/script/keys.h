/* SPDX-License-Identifier: MIT */
/* Keys for the command line. */
#ifndef SHOAL_SCRIPT_KEYS_H
#define SHOAL_SCRIPT_KEYS_H

#include <lua.h>

/* Adds keygen() and read_key() to the table on top of the stack. */
void keys_register(lua_State *L);

#endif
