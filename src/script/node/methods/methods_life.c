/* SPDX-License-Identifier: MIT */
/*
 * The node's methods that change its handlers or end it. Asked for while code
 * of the node is on the stack, they happen after it.
 */
#include "../../../lua/arguments.h"
#include "../../../lua/result.h"
#include "../../engine/handler_table.h"
#include "../../engine/view.h"
#include "../loop.h"
#include "methods.h"

#include <string.h>

static int put_off(lua_State *L, struct node *node)
{
    if (!node_put_off(node))
        return result_error(L, SHOAL_ERR_NOMEM, NULL);
    lua_pushboolean(L, true);
    lua_pushliteral(L, "deferred");
    return 2;
}

static int reload_later(lua_State *L, struct node *node, const char *reason)
{
    node->wants_reload = true;
    memcpy(node->wanted_reason, reason, strlen(reason) + 1);
    return put_off(L, node);
}

static int reload_now(lua_State *L, struct node *node, const char *reason)
{
    struct error error;
    bool swapped;
    lua_State *before = program_enter(node->scopes.owner, L);
    int failure = reload_script(node, reason, &swapped, &error);
    program_leave(node->scopes.owner, before);
    if (failure != 0)
        return result_fail(L, error.text, CODE_SCRIPT);
    lua_pushboolean(L, true);
    if (swapped)
        return 1;
    lua_pushliteral(L, "unchanged");
    return 2;
}

static int reload(lua_State *L)
{
    struct node *node = methods_check_open(L);
    const char *reason = "asked";
    if (!lua_isnoneornil(L, 2))
        reason = arguments_string(L, 2, "node:reload", NULL);
    if (strlen(reason) >= RELOAD_MAX_REASON)
        arguments_fail(L, 2, "node:reload", "at most 63 bytes");
    if (!node->script)
        return result_fail(L,
                           "the handlers of this node do not come from a file",
                           CODE_NO_SCRIPT);
    if (node->phase != NODE_LIVE)
        return result_fail(L, "the node is closing", CODE_CLOSED);
    if (node_is_asking(node))
        return methods_refuse_inside(L);
    if (node->reloads.loading)
        return result_fail(L, "another version of the script is being loaded",
                           CODE_LOADING);
    if (node_is_busy(node, methods_scope(L)))
        return reload_later(L, node, reason);
    return reload_now(L, node, reason);
}

static int set_handlers(lua_State *L)
{
    struct error error;
    struct node *node = methods_check_sending(L, "node:set_handlers");
    if (node->script)
        return luaL_error(L, "node:set_handlers: this node runs the script %s",
                          node->script);
    arguments_table(L, 2, "node:set_handlers");
    handler_table_check(L, 2, "node:set_handlers");
    if (node->phase != NODE_LIVE)
        return result_fail(L, "the node is closing", CODE_CLOSED);
    if (node_is_asking(node))
        return methods_refuse_inside(L);
    lua_settop(L, 2);
    struct version *version = version_of_table(&node->scopes, L);
    lua_State *before = program_enter(node->scopes.owner, L);
    int failure = reload_table(node, version, &error);
    program_leave(node->scopes.owner, before);
    if (failure == RELOAD_MISUSE)
        return luaL_error(L, "node:set_handlers: %s", error.text);
    if (failure != 0)
        return result_fail(L, error.text, CODE_SCRIPT);
    lua_pushboolean(L, true);
    return 1;
}

static int close_node(lua_State *L)
{
    struct node *node = methods_check(L);
    if (node->phase == NODE_CLOSED || node->phase == NODE_CLOSING) {
        lua_pushboolean(L, true);
        return 1;
    }
    methods_check_sending(L, "node:close");
    if (node_is_asking(node))
        return methods_refuse_inside(L);
    if (node_is_busy(node, methods_scope(L)) ||
        methods_are_running(L, lua_touserdata(L, 1))) {
        node->wants_close = true;
        return put_off(L, node);
    }
    struct program *owner = node->scopes.owner;
    lua_State *before = program_enter(owner, L);
    node_close(node);
    program_leave(owner, before);
    lua_pushboolean(L, true);
    return 1;
}

static int step(lua_State *L)
{
    struct node *node = methods_check_open(L);
    if (!node->backend->ops->loop(node->backend))
        return luaL_error(L, "node:step: a simulated member has no loop: run "
                             "its network");
    lua_remove(L, 1);
    return loop_step(L);
}

const luaL_Reg methods_life[] = {
    {"reload", reload},    {"set_handlers", set_handlers},
    {"close", close_node}, {"step", step},
    {NULL, NULL},
};
