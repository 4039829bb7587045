/* SPDX-License-Identifier: MIT */
#include "timers.h"

#include "../../base/list.h"
#include "../../lua/class.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/refs.h"
#include "node.h"
#include "waits.h"

#include <string.h>

/* Lives in the userdata that Lua has; the registry keeps that while it runs. */
struct node_timer {
    struct scope *scope;              /* NULL: it is over */
    struct node_timer *next, **place; /* in the list of the scope */
    void *handle;     /* the backend's; NULL: it is firing for the only time */
    int fn, userdata; /* references */
};

static const char type_name[] = "shoal.timer";

/* It is over. The userdata may be collected after that. */
static void end(lua_State *L, struct node_timer *timer)
{
    struct backend *backend = timer->scope->node->backend;
    if (timer->handle)
        backend->ops->timer_cancel(backend, timer->handle);
    timer->handle = NULL;
    LIST_REMOVE(timer);
    timer->scope = NULL;
    refs_free(L, &timer->fn);
    refs_free(L, &timer->userdata);
}

void timers_end(struct scope *scope)
{
    while (scope->timers)
        end(scope_state(scope), scope->timers);
}

/* ---- Firing ---- */

struct firing {
    struct scope *scope;
    int fn;
};

static void fire_in_region(lua_State *L, void *context)
{
    struct firing *firing = context;
    refs_push(L, firing->fn);
    scope_push_self(firing->scope, L);
    protected_invoke(firing->scope->caller, L, 1, 0);
}

static void fire(struct scope *scope, int fn)
{
    struct firing firing = {.scope = scope, .fn = fn};
    scope_run(scope, fire_in_region, &firing, "timer");
}

/* The timer is over before its function runs, and may be collected in it. */
static void fire_once(void *context)
{
    struct node_timer *timer = context;
    struct scope *scope = timer->scope;
    struct node *node = scope->node;
    int fn = timer->fn;
    timer->handle = NULL; /* the backend frees it when we return */
    timer->fn = REFS_NONE;
    end(scope_state(scope), timer);
    fire(scope, fn);
    refs_free(scope_state(scope), &fn);
    waits_check(node);
}

static void fire_again(void *context)
{
    struct node_timer *timer = context;
    struct node *node = timer->scope->node;
    fire(timer->scope, timer->fn);
    waits_check(node);
}

/* ---- In Lua ---- */

static int cancel(lua_State *L)
{
    struct node_timer *timer = luaL_checkudata(L, 1, type_name);
    bool was_running = timer->scope != NULL;
    if (was_running)
        end(L, timer);
    lua_pushboolean(L, was_running);
    return 1;
}

static int collect(lua_State *L)
{
    struct node_timer *timer = lua_touserdata(L, 1);
    if (timer->scope) /* the state is being closed */
        end(L, timer);
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

static uint64_t check_interval(lua_State *L, bool repeat)
{
    uint64_t us = options_check_time(
        L, 2, repeat ? "node:every: seconds" : "node:after: seconds");
    if (repeat && us == 0)
        luaL_error(L, "node:every: seconds must be more than 0, got %s",
                   options_describe(L, 2));
    if (!lua_isfunction(L, 3))
        luaL_error(L, "node:%s: needs a function to call, got %s",
                   repeat ? "every" : "after", options_describe(L, 3));
    return us;
}

int timers_push(lua_State *L, struct scope *scope, bool repeat)
{
    uint64_t us = check_interval(L, repeat);
    struct backend *backend = scope->node->backend;
    struct node_timer *timer = compat_newblock(L, sizeof *timer);
    memset(timer, 0, sizeof *timer);
    push_metatable(L);
    lua_setmetatable(L, -2);
    timer->scope = scope;
    LIST_PUSH(scope->timers, timer); /* collecting it ends it, if that raises */
    lua_pushvalue(L, 3);
    timer->fn = refs_new(L);
    lua_pushvalue(L, -1);
    timer->userdata = refs_new(L);
    timer->handle = backend->ops->timer_new(
        backend, us, repeat ? us : 0, repeat ? fire_again : fire_once, timer);
    if (timer->handle)
        return 1;
    end(L, timer);
    return luaL_error(L, "not enough memory");
}
