/* SPDX-License-Identifier: MIT */
#include "lookup.h"

#include "../host/host.h"
#include "../host/resolve.h"
#include "compat.h"

/* nil, message, code. STACK: message -> nil message code */
static int push_failure(lua_State *L, const char *code)
{
    lua_pushnil(L);
    lua_insert(L, -2);
    lua_pushstring(L, code);
    return 3;
}

/* resolve(endpoint) -> true | nil, message, "endpoint"|"resolve" */
static int lua_resolve(lua_State *L)
{
    const struct address_reach everything = {AF_INET6, true};
    char error[HOST_MAX_ERROR];
    struct endpoint endpoint;
    shoal_bytes wanted;

    wanted.data = (const uint8_t *)luaL_checklstring(L, 1, &wanted.size);
    if (endpoint_parse(wanted, &endpoint, error) != 0) {
        lua_pushstring(L, error);
        return push_failure(L, "endpoint");
    }
    if (endpoint.is_name) {
        const char *problem = resolve_blocking(endpoint.name, endpoint.port,
                                               everything, &endpoint.address);
        if (problem) {
            lua_pushfstring(L, "cannot resolve %s: %s", lua_tostring(L, 1),
                            problem);
            return push_failure(L, "resolve");
        }
    }
    lua_pushboolean(L, 1);
    return 1;
}

void lookup_register(lua_State *L)
{
    lua_pushcfunction(L, lua_resolve);
    lua_setfield(L, -2, "resolve");
}
