/* SPDX-License-Identifier: MIT */
#include "lookup.h"

#include "../host/host.h"
#include "../host/resolve.h"
#include "../lua/compat.h"
#include "../lua/result.h"

/* The endpoint at `arg`; 0, or -1 and pushes why it is none. */
static int read_endpoint(lua_State *L, int arg, struct endpoint *out)
{
    struct error error;
    shoal_bytes text;

    text.data = (const uint8_t *)luaL_checklstring(L, arg, &text.size);
    if (address_parse_endpoint(text, out, &error) == 0)
        return 0;
    lua_pushstring(L, error.text);
    return -1;
}

/* Where a socket bound to `bind` can send to; a name may become either. */
static struct address_reach reach_of(const struct endpoint *bind)
{
    struct address_reach reach = {AF_INET6, true, false};

    if (bind->is_name)
        return reach;
    reach.family = bind->address.as.any.sa_family;
    reach.loopback = address_is_loopback(&bind->address);
    reach.dual =
        reach.family == AF_INET6 && address_is_wildcard(&bind->address);
    return reach;
}

/* An endpoint at 1, and at 2, if there is one, what a socket is bound to.
 * NULL, or pushes a message and returns its code. */
static const char *read_both(lua_State *L, struct endpoint *endpoint,
                             struct address_reach *reach)
{
    struct endpoint bind;

    *reach = (struct address_reach){AF_INET6, true, false};
    if (read_endpoint(L, 1, endpoint) != 0)
        return CODE_ENDPOINT;
    if (lua_isnoneornil(L, 2))
        return NULL;
    if (read_endpoint(L, 2, &bind) != 0)
        return CODE_ENDPOINT;
    *reach = reach_of(&bind);
    if (endpoint->is_name || address_adapt(&endpoint->address, *reach))
        return NULL;
    lua_pushfstring(L, "cannot join %s: this node's socket is bound to %s",
                    lua_tostring(L, 1), lua_tostring(L, 2));
    return CODE_FAMILY;
}

/* check_endpoint(endpoint, bind) -> true | nil, message, "endpoint"|"family" */
static int check_endpoint(lua_State *L)
{
    struct endpoint endpoint;
    struct address_reach reach;
    const char *code = read_both(L, &endpoint, &reach);

    if (code)
        return result_fail_pushed(L, code);
    lua_pushboolean(L, 1);
    return 1;
}

/* resolve(endpoint, bind) -> true | nil, message,
 *                                   "endpoint"|"family"|"resolve" */
static int lua_resolve(lua_State *L)
{
    struct endpoint endpoint;
    struct address_reach reach;
    const char *code = read_both(L, &endpoint, &reach), *problem = NULL;

    if (code)
        return result_fail_pushed(L, code);
    if (endpoint.is_name)
        problem = resolve_first_blocking(endpoint.name, endpoint.port, reach,
                                         &endpoint.address);
    if (problem) {
        lua_pushfstring(L, "cannot resolve %s: %s", lua_tostring(L, 1),
                        problem);
        return result_fail_pushed(L, CODE_RESOLVE);
    }
    lua_pushboolean(L, 1);
    return 1;
}

void lookup_register(lua_State *L)
{
    lua_pushcfunction(L, check_endpoint);
    lua_setfield(L, -2, "check_endpoint");
    lua_pushcfunction(L, lua_resolve);
    lua_setfield(L, -2, "resolve");
}
