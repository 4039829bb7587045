/* SPDX-License-Identifier: MIT */
#include "sleeps.h"

#include "../../../lua/compat.h"
#include "../../../lua/options.h"
#include "../coroutine.h"
#include "../node.h"
#include "../pending.h"

struct sleep {
    struct pending base;
    struct node *node;
    void *timer; /* NULL: not yet, or it fires */
};

static void end(struct pending *pending)
{
    struct sleep *sleep = (struct sleep *)pending;
    struct backend *backend = sleep->node->backend;
    if (sleep->timer)
        backend->ops->timer_cancel(backend, sleep->timer);
    sleep->timer = NULL;
}

static const struct pending_kind sleeping = {.what = "sleep", .end = end};
static const struct pending_kind going = {
    .what = "coroutine", .end = end, .begins = true};

static int push_true(lua_State *L, void *context)
{
    (void)context;
    lua_pushboolean(L, true);
    return 1;
}

static void on_time(void *context)
{
    struct sleep *sleep = context;
    bool begins = sleep->base.kind->begins;
    sleep->timer = NULL; /* the backend frees it when we return */
    pending_tell(&sleep->base, begins ? NULL : push_true, NULL);
}

static void begin(lua_State *L, struct scope *scope,
                  const struct pending_kind *kind, uint64_t us, int fn)
{
    struct backend *backend = scope->node->backend;
    struct sleep *sleep = pending_new(L, sizeof *sleep, kind);
    sleep->node = scope->node;
    pending_begin(L, &sleep->base, scope, fn);
    sleep->timer = backend->ops->timer_new(backend, us, 0, on_time, sleep);
    if (sleep->timer)
        return;
    pending_cancel(&sleep->base);
    luaL_error(L, "not enough memory");
}

int sleeps_go(lua_State *L, struct scope *scope)
{
    if (!lua_isfunction(L, 2))
        return luaL_error(L, "node:go: needs a function to run, got %s",
                          options_describe(L, 2));
    begin(L, scope, &going, 0, 2);
    return 0;
}

int sleeps_begin(lua_State *L, struct scope *scope)
{
    uint64_t us = options_check_time(L, 2, "node:sleep: seconds");
    if (!coroutine_can_yield(L))
        return luaL_error(L, "node:sleep: only a coroutine can sleep");
    begin(L, scope, &sleeping, us, 0);
    return coroutine_yield(L);
}
