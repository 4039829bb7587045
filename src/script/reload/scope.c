/* SPDX-License-Identifier: MIT */
#include "scope.h"

#include "../../lua/compat.h"
#include "../../lua/refs.h"

#include <string.h>

void scopes_init(struct scopes *scopes, struct node *node,
                 const struct scope_hooks *hooks, struct program *owner)
{
    memset(scopes, 0, sizeof *scopes);
    scopes->node = node;
    scopes->hooks = hooks;
    scopes->owner = owner;
    scope_init(&scopes->program, scopes, &scopes->caller, NULL);
}

void scope_init(struct scope *scope, struct scopes *scopes,
                protected_caller *caller, lua_State *L)
{
    memset(scope, 0, sizeof *scope);
    scope->node = scopes->node;
    scope->scopes = scopes;
    scope->caller = caller;
    scope->L = L;
}

void scope_end(struct scope *scope)
{
    if (scope->ended)
        return;
    scope->ended = true;
    scope->scopes->hooks->end(scope);
    lua_State *L = scope_state(scope);
    refs_free(L, &scope->listeners);
    refs_free(L, &scope->sent);
    refs_free(L, &scope->lent);
    refs_free(L, &scope->self);
}

lua_State *scope_state(const struct scope *scope)
{
    return scope->L ? scope->L : scope->scopes->owner->L;
}

/* ---- Running its code ---- */

static struct scope *enter(struct scope *scope)
{
    struct scopes *scopes = scope->scopes;
    struct scope *before = scopes->running;
    scopes->hooks->hold(scopes->node);
    scopes->running = scope;
    scopes->depth++;
    return before;
}

static void leave(struct scopes *scopes, struct scope *before)
{
    scopes->depth--;
    scopes->running = before;
    scopes->hooks->release(scopes->node); /* with it, they may go */
}

int scope_run(struct scope *scope, protected_fn *fn, void *context,
              const char *what)
{
    struct scopes *scopes = scope->scopes;
    struct scope *before = enter(scope);
    int failure =
        protected_run(scope->caller, scope_state(scope), fn, context, what);
    leave(scopes, before);
    return failure;
}

int scope_call(struct scope *scope, lua_State *L, int nargs, int nresults,
               const char *what)
{
    struct scopes *scopes = scope->scopes;
    luaL_checkstack(L, PROTECTED_CALL_STACK, "cannot call a handler");
    struct scope *before = enter(scope);
    int failure = protected_call(scope->caller, L, nargs, nresults, what);
    leave(scopes, before);
    return failure;
}

void scope_push_self(const struct scope *scope, lua_State *L)
{
    refs_push(L, scope->self);
}
