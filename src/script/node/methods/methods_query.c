/* SPDX-License-Identifier: MIT */
/* The node's methods that only tell. */
#include "../../../lua/options.h"
#include "../info.h"
#include "methods.h"

static int bound(lua_State *L)
{
    struct node *node = methods_check_open(L);
    lua_pushstring(L, node->backend->ops->bound(node->backend));
    return 1;
}

static int info(lua_State *L)
{
    info_push(L, methods_check_open(L));
    return 1;
}

static int now(lua_State *L)
{
    struct backend *backend = methods_check_open(L)->backend;
    lua_pushnumber(L, options_to_seconds(backend->ops->now_us(backend)));
    return 1;
}

static int wall_time(lua_State *L)
{
    struct backend *backend = methods_check_open(L)->backend;
    lua_pushnumber(L, options_to_seconds(backend->ops->wall_us(backend)));
    return 1;
}

static int is_closed(lua_State *L)
{
    lua_pushboolean(L, methods_check(L)->phase == NODE_CLOSED);
    return 1;
}

/* gone() -> { { id=, addr=, state=, reason=, last_seen=, tags= }, ... } */
static int gone(lua_State *L)
{
    memory_push_gone(L, methods_check_open(L));
    return 1;
}

const luaL_Reg methods_query[] = {
    {"bound", bound},         {"info", info}, {"now", now}, {"time", wall_time},
    {"is_closed", is_closed}, {"gone", gone}, {NULL, NULL},
};
