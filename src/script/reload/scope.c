/* SPDX-License-Identifier: MIT */
#include "scope.h"

#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "../node/listeners.h"
#include "../node/node.h"
#include "../node/timers.h"
#include "../node/waits.h"

#include <string.h>

void tenant_init(struct tenant *tenant, struct node *node, dispatch *d,
                 lua_State *L)
{
    memset(tenant, 0, sizeof *tenant);
    tenant->node = node;
    tenant->dispatch = d;
    tenant->L = L;
}

void tenant_end(struct tenant *tenant)
{
    if (tenant->ended)
        return;
    tenant->ended = true;
    timers_end(tenant);
    waits_end(tenant);
    lua_State *L = tenant_state(tenant);
    refs_free(L, &tenant->listeners);
    refs_free(L, &tenant->self);
}

lua_State *tenant_state(const struct tenant *tenant)
{
    return tenant->L ? tenant->L : tenant->node->owner->L;
}

/* ---- Running its code ---- */

static struct tenant *enter(struct tenant *tenant)
{
    struct node *node = tenant->node;
    struct tenant *before = node->running;
    node_hold(node);
    node->running = tenant;
    node->depth++;
    return before;
}

static void leave(struct node *node, struct tenant *before)
{
    node->depth--;
    node->running = before;
    node_release(node);
}

int tenant_run(struct tenant *tenant, dispatch_fn *fn, void *context,
               const char *what)
{
    struct node *node = tenant->node;
    struct tenant *before = enter(tenant);
    int failure =
        dispatch_run(tenant->dispatch, tenant_state(tenant), fn, context, what);
    leave(node, before);
    return failure;
}

int tenant_call(struct tenant *tenant, lua_State *L, int nargs, int nresults,
                const char *what)
{
    struct node *node = tenant->node;
    luaL_checkstack(L, DISPATCH_CALL_STACK, "cannot call a handler");
    struct tenant *before = enter(tenant);
    int failure = dispatch_call(tenant->dispatch, L, nargs, nresults, what);
    leave(node, before);
    return failure;
}

void tenant_push_self(const struct tenant *tenant, lua_State *L)
{
    refs_push(L, tenant->self);
}
