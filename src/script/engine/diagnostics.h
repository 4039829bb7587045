/* SPDX-License-Identifier: MIT */
/* Which events an engine of shoal.core tells of. */
#ifndef SHOAL_SCRIPT_ENGINE_DIAGNOSTICS_H
#define SHOAL_SCRIPT_ENGINE_DIAGNOSTICS_H

#include "../../shoal.h"

#include <lua.h>

/* A mask for shoal_set_diagnostics() of true, false, nil or a list of names. */
uint32_t diagnostics_check(lua_State *L, int index, const char *who);

#endif
