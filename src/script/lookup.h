/* SPDX-License-Identifier: MIT */
/*
 * core.resolve("host:port"): does it have an address? Waits for the name
 * service: for programs without a loop that want to know before they ask a
 * node, which itself resolves names without waiting.
 */
#ifndef SHOAL_SCRIPT_LOOKUP_H
#define SHOAL_SCRIPT_LOOKUP_H

#include <lua.h>

/* Adds resolve() to the table on top of the stack. */
void lookup_register(lua_State *L);

#endif
