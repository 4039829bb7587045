/* SPDX-License-Identifier: MIT */
#include "pending.h"

#include "../../base/list.h"
#include "../../lua/class.h"
#include "../../lua/refs.h"
#include "coroutine.h"
#include "node.h"
#include "waits.h"

#include <string.h>

static const char type_name[] = "shoal.pending";

/* ---- Its end ---- */

/* The block may be collected after that, unless `callee` takes over what is
 * called (the state's reference, which the caller gives back). */
static void end(lua_State *L, struct pending *pending, int *callee)
{
    LIST_REMOVE(pending);
    pending->scope = NULL;
    if (callee) {
        *callee = pending->callee;
        pending->callee = REFS_NONE;
    }
    refs_free(L, &pending->callee);
    if (pending->kind->end)
        pending->kind->end(pending);
    refs_free(L, &pending->userdata);
}

void pending_cancel(struct pending *pending)
{
    if (pending->scope)
        end(scope_state(pending->scope), pending, NULL);
}

void pendings_end(struct scope *scope)
{
    while (scope->pendings)
        pending_cancel(scope->pendings);
}

/* ---- Telling ---- */

struct pending_outcome {
    struct scope *scope;
    int callee;
    bool begins;
    pending_push_fn *push;
    void *context;
};

static void tell_in_region(lua_State *L, void *context)
{
    struct pending_outcome *outcome = context;
    int nargs = 0;
    refs_push(L, outcome->callee);
    bool waits = lua_isthread(L, -1);
    if (!waits) {
        scope_push_self(outcome->scope, L);
        nargs++;
    }
    if (outcome->push)
        nargs += outcome->push(L, outcome->context);
    if (waits)
        coroutine_prepare(L, nargs);
    else if (outcome->begins)
        coroutine_prepare_new(L, nargs);
    bool resumes = waits || outcome->begins;
    protected_invoke(outcome->scope->caller, L, nargs + resumes, 0);
}

static void tell(struct pending *pending, bool is_over, pending_push_fn *push,
                 void *context)
{
    struct scope *scope = pending->scope;
    const struct pending_kind *kind = pending->kind;
    struct node *node = scope->node;
    struct pending_outcome outcome = {.scope = scope,
                                      .callee = pending->callee,
                                      .begins = kind->begins,
                                      .push = push,
                                      .context = context};
    if (is_over)
        end(scope_state(scope), pending, &outcome.callee);
    scope_run(scope, tell_in_region, &outcome, kind->what);
    if (is_over)
        refs_free(scope_state(scope), &outcome.callee);
    waits_check(node);
}

void pending_tell(struct pending *pending, pending_push_fn *push, void *context)
{
    tell(pending, true, push, context);
}

void pending_tell_again(struct pending *pending, pending_push_fn *push,
                        void *context)
{
    tell(pending, false, push, context);
}

/* ---- In Lua ---- */

static int cancel(lua_State *L)
{
    struct pending *pending = luaL_checkudata(L, 1, type_name);
    bool was_pending = pending->scope != NULL;
    pending_cancel(pending);
    lua_pushboolean(L, was_pending);
    return 1;
}

static int collect(lua_State *L)
{
    pending_cancel(lua_touserdata(L, 1)); /* the state is being closed */
    return 0;
}

static void push_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"cancel", cancel},
        {NULL, NULL},
    };
    class_push(L, type_name, methods, collect);
}

void *pending_new(lua_State *L, size_t size, const struct pending_kind *kind)
{
    struct pending *pending = lua_newuserdata(L, size);
    memset(pending, 0, size);
    pending->kind = kind;
    push_metatable(L);
    lua_setmetatable(L, -2);
    return pending;
}

/* In the list first: collecting it gives back what it has, if that raises. */
void pending_begin(lua_State *L, struct pending *pending, struct scope *scope,
                   int fn)
{
    int userdata = lua_gettop(L);
    pending->scope = scope;
    LIST_PUSH(scope->pendings, pending);
    if (fn)
        lua_pushvalue(L, fn);
    else
        lua_pushthread(L);
    pending->callee = refs_new(L);
    lua_pushvalue(L, userdata);
    pending->userdata = refs_new(L);
}
