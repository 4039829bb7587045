/* SPDX-License-Identifier: MIT */
/*
 * core.check(path): would this script load? It is loaded into a Lua state of
 * its own, which is thrown away; no node, no event.
 *
 * core.check_handlers(table, who): raises unless it is a table of handlers.
 */
#ifndef SHOAL_SCRIPT_RELOAD_CHECK_H
#define SHOAL_SCRIPT_RELOAD_CHECK_H

#include <lua.h>

/* Adds both to the table on top of the stack. */
void check_register(lua_State *L);

#endif
