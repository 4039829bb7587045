/* SPDX-License-Identifier: MIT */
/*
 * core.signal(name, fn): fn(name) is called in the default loop when the
 * process gets the signal. Watching one does not keep the loop running.
 */
#ifndef SHOAL_SCRIPT_SIGNALS_H
#define SHOAL_SCRIPT_SIGNALS_H

#include <lua.h>

/* Adds signal() to the table on top of the stack. */
void signals_register(lua_State *L);

#endif
