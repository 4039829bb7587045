/* SPDX-License-Identifier: MIT */
#include "backend.h"

#include "../../lua/compat.h"

void backend_push_stats(lua_State *L, const host_stats *stats)
{
    lua_createtable(L, 0, HOST_NUM_COUNTERS);
#define PUSH(name, text)                                                       \
    lua_pushnumber(L, (lua_Number)stats->name);                                \
    lua_setfield(L, -2, #name);
    HOST_COUNTERS(PUSH)
#undef PUSH
}
