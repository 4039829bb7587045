/* SPDX-License-Identifier: MIT */
#include "tenant.h"

#include "compat.h"
#include "listeners.h"
#include "node.h"
#include "timers.h"
#include "waits.h"

#include <string.h>

void tenant_init(struct tenant *tenant, struct node *node, dispatch *d,
                 lua_State *L)
{
    memset(tenant, 0, sizeof *tenant);
    tenant->node = node;
    tenant->dispatch = d;
    tenant->L = L;
    tenant->self = LUA_NOREF;
    tenant->listeners = LUA_NOREF;
}

static void give_back(lua_State *L, int *reference)
{
    luaL_unref(L, LUA_REGISTRYINDEX, *reference);
    *reference = LUA_NOREF;
}

void tenant_end(struct tenant *tenant)
{
    if (tenant->ended)
        return;
    tenant->ended = true;
    timers_end(tenant);
    waits_end(tenant);
    lua_State *L = tenant_state(tenant);
    give_back(L, &tenant->listeners);
    give_back(L, &tenant->self);
}

lua_State *tenant_state(const struct tenant *tenant)
{
    return tenant->L ? tenant->L : tenant->node->owner->L;
}

int tenant_run(struct tenant *tenant, dispatch_fn *fn, void *context,
               const char *what)
{
    struct node *node = tenant->node;
    struct tenant *before = node->running;
    node_hold(node);
    node->running = tenant;
    node->depth++;
    int failure =
        dispatch_run(tenant->dispatch, tenant_state(tenant), fn, context, what);
    node->depth--;
    node->running = before;
    node_release(node);
    return failure;
}

void tenant_push_self(const struct tenant *tenant, lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, tenant->self);
}
