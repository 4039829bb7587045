/* SPDX-License-Identifier: MIT */
/* The node's methods that only tell. */
#include "../../lua/arguments.h"
#include "../../lua/value.h"
#include "../engine/config.h"
#include "../engine/view.h"
#include "info.h"
#include "methods.h"

static int identity(lua_State *L)
{
    value_push_identity(L, shoal_self(node_engine(methods_check_open(L))).id);
    return 1;
}

static int bound(lua_State *L)
{
    struct node *node = methods_check_open(L);
    lua_pushstring(L, node->backend->ops->bound(node->backend));
    return 1;
}

static int connection(lua_State *L)
{
    shoal *engine = node_engine(methods_check_open(L));
    lua_pushstring(L, shoal_connection_name(shoal_get_connection(engine)));
    return 1;
}

static int members(lua_State *L)
{
    struct node *node = methods_check_open(L);
    view_push_members(L, node_engine(node), 2, "node:members",
                      node_clock_offset_us(node));
    return 1;
}

static int member(lua_State *L)
{
    struct node *node = methods_check_open(L);
    arguments_value(L, 2, "node:member", "an address");
    view_push_member_at(L, node_engine(node), 2, node_clock_offset_us(node));
    return 1;
}

static int state(lua_State *L)
{
    struct node *node = methods_check_open(L);
    view_push_state(L, node_engine(node), node_clock_offset_us(node));
    return 1;
}

static int num_members(lua_State *L)
{
    shoal *engine = node_engine(methods_check_open(L));
    lua_pushinteger(L, (lua_Integer)shoal_num_members(engine));
    return 1;
}

static int config(lua_State *L)
{
    config_push(L, shoal_get_config(node_engine(methods_check_open(L))));
    return 1;
}

static int backlog(lua_State *L)
{
    info_push_backlog(L, methods_check_open(L));
    return 1;
}

static int stats(lua_State *L)
{
    info_push_stats(L, methods_check_open(L));
    return 1;
}

static int info(lua_State *L)
{
    info_push(L, methods_check_open(L));
    return 1;
}

static int is_closed(lua_State *L)
{
    lua_pushboolean(L, methods_check(L)->phase == NODE_CLOSED);
    return 1;
}

const luaL_Reg methods_query[] = {
    {"identity", identity},
    {"bound", bound},
    {"connection", connection},
    {"members", members},
    {"member", member},
    {"state", state},
    {"num_members", num_members},
    {"config", config},
    {"backlog", backlog},
    {"stats", stats},
    {"info", info},
    {"is_closed", is_closed},
    {NULL, NULL},
};
