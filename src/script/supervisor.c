/* SPDX-License-Identifier: MIT */
#include "supervisor.h"

#include "../base/clock.h"
#include "../base/supervisor.h"

#include <lauxlib.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int tell(lua_State *L)
{
    const char *state = luaL_checkstring(L, 1);
    struct error error;
    char time[32];
    if (strncmp(state, "RELOADING=1", strlen("RELOADING=1")) == 0) {
        snprintf(time, sizeof time, "%" PRIu64, clock_monotonic_us());
        lua_pushfstring(L, "%s\nMONOTONIC_USEC=%s", state, time);
        state = lua_tostring(L, -1);
    }
    int told = supervisor_tell(state, &error);
    if (told >= 0) {
        lua_pushboolean(L, told);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, error.text);
    return 2;
}

void supervisor_register(lua_State *L)
{
    lua_pushcfunction(L, tell);
    lua_setfield(L, -2, "tell_supervisor");
}
