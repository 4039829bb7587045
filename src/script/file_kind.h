/* SPDX-License-Identifier: MIT */
#ifndef SHOAL_SCRIPT_FILE_KIND_H
#define SHOAL_SCRIPT_FILE_KIND_H

#include <lua.h>

/* Adds file_kind(path) to the table on top of the stack. */
void file_kind_register(lua_State *L);

#endif
