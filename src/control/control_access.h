/* SPDX-License-Identifier: MIT */
/*
 * { mode = 432, group = "ops", user = "shoal" }: who may use a control socket,
 * as core.control_listen() and core.control_folder() take it.
 */
#ifndef SHOAL_CONTROL_CONTROL_ACCESS_H
#define SHOAL_CONTROL_CONTROL_ACCESS_H

#include "../base/error.h"
#include "socket_access.h"

#include <lua.h>

/* Reads the table at `index` (none: nobody but us). 0, or -1 and `error`: there
 * is no such user or group. Raises for misuse, with `who` in front. */
int control_access_read(lua_State *L, int index, const char *who,
                        struct socket_access *out, struct error *error);

#endif
