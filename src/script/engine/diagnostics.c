/* SPDX-License-Identifier: MIT */
#include "diagnostics.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"

#include <string.h>

/* Values may have gaps. */
static const char *const events[] = {
#define EVENT_NAME(NAME, VALUE, name, ...) name,
    SHOAL_EVENTS(EVENT_NAME)
#undef EVENT_NAME
        NULL,
};
static const uint8_t values[] = {
#define EVENT_VALUE(NAME, VALUE, ...) VALUE,
    SHOAL_EVENTS(EVENT_VALUE)
#undef EVENT_VALUE
};

static uint32_t event_bit(lua_State *L, int index, const char *who)
{
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "%s: diagnostics must be names, got %s", who,
                   options_describe(L, index));
    for (int i = 0; events[i]; i++)
        if (strcmp(events[i], lua_tostring(L, index)) == 0)
            return 1u << values[i];
    options_unknown(L, who, "event", lua_tostring(L, index), events);
    return 0;
}

uint32_t diagnostics_check(lua_State *L, int index, const char *who)
{
    uint32_t mask = 0;

    if (lua_isnoneornil(L, index))
        return 0;
    if (lua_isboolean(L, index))
        return lua_toboolean(L, index) ? UINT32_MAX : 0;
    if (!lua_istable(L, index))
        luaL_error(L,
                   "%s: diagnostics must be true, false or a list of names, "
                   "got %s",
                   who, options_describe(L, index));
    index = lua_absindex(L, index);
    for (int i = 1;; i++) {
        lua_rawgeti(L, index, i);
        if (lua_isnil(L, -1))
            break;
        mask |= event_bit(L, -1, who);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return mask;
}
