/* SPDX-License-Identifier: MIT */
/*
 * core.tell_supervisor(state): tells whoever looks after the process, by
 * sd_notify's protocol: true; false when nobody does; or nil, message.
 * `state` with RELOADING=1 gets the time that goes with it.
 */
#ifndef SHOAL_SCRIPT_SUPERVISOR_H
#define SHOAL_SCRIPT_SUPERVISOR_H

#include <lua.h>

/* Adds tell_supervisor() to the table on top of the stack. */
void supervisor_register(lua_State *L);

#endif
