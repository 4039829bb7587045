/* SPDX-License-Identifier: MIT */
#include "scope.h"

#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "../node/listeners.h"
#include "../node/node.h"
#include "../node/timers.h"
#include "../node/waits.h"

#include <string.h>

void scope_init(struct scope *scope, struct node *node, dispatch *d,
                lua_State *L)
{
    memset(scope, 0, sizeof *scope);
    scope->node = node;
    scope->dispatch = d;
    scope->L = L;
}

void scope_end(struct scope *scope)
{
    if (scope->ended)
        return;
    scope->ended = true;
    timers_end(scope);
    waits_end(scope);
    lua_State *L = scope_state(scope);
    refs_free(L, &scope->listeners);
    refs_free(L, &scope->self);
}

lua_State *scope_state(const struct scope *scope)
{
    return scope->L ? scope->L : scope->node->owner->L;
}

/* ---- Running its code ---- */

static struct scope *enter(struct scope *scope)
{
    struct node *node = scope->node;
    struct scope *before = node->running;
    node_hold(node);
    node->running = scope;
    node->depth++;
    return before;
}

static void leave(struct node *node, struct scope *before)
{
    node->depth--;
    node->running = before;
    node_release(node);
}

int scope_run(struct scope *scope, dispatch_fn *fn, void *context,
              const char *what)
{
    struct node *node = scope->node;
    struct scope *before = enter(scope);
    int failure =
        dispatch_run(scope->dispatch, scope_state(scope), fn, context, what);
    leave(node, before);
    return failure;
}

int scope_call(struct scope *scope, lua_State *L, int nargs, int nresults,
               const char *what)
{
    struct node *node = scope->node;
    luaL_checkstack(L, DISPATCH_CALL_STACK, "cannot call a handler");
    struct scope *before = enter(scope);
    int failure = dispatch_call(scope->dispatch, L, nargs, nresults, what);
    leave(node, before);
    return failure;
}

void scope_push_self(const struct scope *scope, lua_State *L)
{
    refs_push(L, scope->self);
}
