/* SPDX-License-Identifier: MIT */
/* What Lua tells an engine: claims about members. */
#ifndef SHOAL_SCRIPT_ENGINE_UPDATES_H
#define SHOAL_SCRIPT_ENGINE_UPDATES_H

#include "../../shoal.h"

#include <lua.h>

/* Reads a list of { id=, state=, incarnation=, from= } for shoal_apply(). The
 * other fields of members (addr, since, reason) are not looked at, so that
 * state() fits; unknown ones are misuse. Pushes what keeps them in memory:
 * valid while that is on the stack. Raises for misuse. */
const shoal_update *updates_check(lua_State *L, int index, const char *who,
                                  size_t *count);

#endif
