/* SPDX-License-Identifier: MIT */
#include "waits.h"

#include "../../base/list.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/refs.h"
#include "../../lua/result.h"
#include "coroutine.h"
#include "node.h"

#include <stdlib.h>

enum { POLL_US = 20 * 1000 };

struct wait {
    struct scope *scope;
    struct wait *next, **place; /* in the list of the scope */
    uint64_t deadline_us;       /* of the backend's clock; SHOAL_NEVER: none */
    unsigned round;             /* of checking, in which it had its turn */
    int values;                 /* reference of { thread, condition } */
};

/* What the reference has. */
enum { THREAD = 1, CONDITION };

static void push_value(lua_State *L, const struct wait *wait, int which)
{
    refs_push(L, wait->values);
    lua_rawgeti(L, -1, which);
    lua_remove(L, -2);
}

static void free_wait(lua_State *L, struct wait *wait)
{
    LIST_REMOVE(wait);
    refs_free(L, &wait->values);
    free(wait);
}

void waits_end(struct scope *scope)
{
    while (scope->waits)
        free_wait(scope_state(scope), scope->waits);
}

/* ---- Resuming ---- */

/* The wait is over. STACK: values... -> (nothing) */
static void wake(lua_State *L, struct wait *wait, int nvalues)
{
    protected_caller *caller = wait->scope->caller;
    push_value(L, wait, THREAD);
    lua_insert(L, -nvalues - 1);
    coroutine_prepare(L, nvalues);
    free_wait(L, wait);
    protected_invoke(caller, L, nvalues + 1, 0);
}

static void wake_failed(lua_State *L, struct wait *wait, const char *message,
                        const char *code)
{
    wake(L, wait, result_fail(L, message, code));
}

/* ---- Checking ---- */

struct wait_check {
    struct wait *wait;
    bool asked, failed;
    char message[512]; /* of a condition that raised */
};

static void ask_in_region(lua_State *L, void *context)
{
    struct wait_check *check = context;
    struct wait *wait = check->wait;
    struct backend *backend = wait->scope->node->backend;
    push_value(L, wait, CONDITION);
    scope_push_self(wait->scope, L);
    protected_invoke(wait->scope->caller, L, 1, 1);
    check->asked = true;
    if (lua_toboolean(L, -1))
        wake(L, wait, 1);
    else if (backend->ops->now_us(backend) >= wait->deadline_us)
        wake_failed(L, wait, "the condition did not hold in time",
                    CODE_TIMEOUT);
}

static void tell_failure(lua_State *L, void *context)
{
    struct wait_check *check = context;
    wake_failed(L, check->wait, check->message, CODE_HANDLER);
}

static void check_one(struct wait *wait)
{
    struct scope *scope = wait->scope;
    struct wait_check check = {.wait = wait};
    if (scope_run(scope, ask_in_region, &check, "wait") == 0 || check.asked)
        return;
    snprintf(check.message, sizeof check.message, "%s",
             protected_last_message(scope->caller));
    scope_run(scope, tell_failure, &check, "wait");
}

/* One that had no turn in this round, or NULL. A woken coroutine may wait
 * again, or end others: so every time from the beginning. */
static struct wait *next_unasked(struct scope *scope, unsigned round)
{
    for (struct wait *wait = scope->waits; wait; wait = wait->next) {
        if (wait->round != round)
            return wait;
    }
    return NULL;
}

static void check_scope(struct scope *scope, unsigned round)
{
    struct wait *wait;
    while ((wait = next_unasked(scope, round))) {
        wait->round = round;
        check_one(wait);
    }
}

static void stop_polling(struct node *node)
{
    node->backend->ops->timer_cancel(node->backend, node->wait_timer);
    node->wait_timer = NULL;
}

void waits_check(struct node *node)
{
    if (!node->wait_timer || node->scopes.depth > 0 || node->phase != NODE_LIVE)
        return;
    unsigned round = ++node->wait_round;
    check_scope(&node->scopes.program, round);
    check_scope(&node->current->scope, round);
    if (!node->scopes.program.waits && !node->current->scope.waits)
        stop_polling(node);
}

static void poll(void *context)
{
    waits_check(context);
}

/* What the node has begun ends with it, wherever it waits: nothing that it
 * would call next is there any more. A program's own coroutine goes on. */
static void tell_closed(lua_State *L, void *context)
{
    push_value(L, context, THREAD);
    bool is_ours = coroutine_is_begun(L, lua_gettop(L));
    lua_pop(L, 1);
    if (is_ours)
        free_wait(L, context);
    else
        wake_failed(L, context, "the node was closed", CODE_CLOSED);
}

void waits_close(struct scope *scope)
{
    while (scope->waits) {
        struct wait *wait = scope->waits;
        if (scope_run(scope, tell_closed, wait, "wait") != 0 &&
            scope->waits == wait)
            free_wait(scope_state(scope), wait);
    }
}

/* ---- In Lua ---- */

static uint64_t check_deadline(lua_State *L, struct node *node)
{
    if (lua_isnoneornil(L, 3))
        return SHOAL_NEVER;
    return node->backend->ops->now_us(node->backend) +
           options_check_time(L, 3, "node:wait: timeout");
}

static bool start_polling(struct node *node)
{
    struct backend *backend = node->backend;
    if (!node->wait_timer)
        node->wait_timer =
            backend->ops->timer_new(backend, POLL_US, POLL_US, poll, node);
    return node->wait_timer != NULL;
}

/* STACK: node condition ... */
static void add_wait(lua_State *L, struct scope *scope, uint64_t deadline_us)
{
    lua_createtable(L, 2, 0);
    lua_pushthread(L);
    lua_rawseti(L, -2, THREAD);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, CONDITION);
    int values = refs_new(L);
    struct wait *wait = calloc(1, sizeof *wait);
    if (!wait || !start_polling(scope->node)) {
        free(wait);
        refs_free(L, &values);
        luaL_error(L, "not enough memory");
        return;
    }
    wait->scope = scope;
    wait->values = values;
    wait->deadline_us = deadline_us;
    wait->round = scope->node->wait_round;
    LIST_PUSH(scope->waits, wait);
}

/* Asks for the first time, in the coroutine itself: it fails as later times do.
 * STACK: node condition ... -> node condition ... answer */
static bool ask_at_once(lua_State *L, struct scope *scope)
{
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 1);
    return scope_call(scope, L, 1, 1, "wait") == 0;
}

int waits_begin(lua_State *L, struct scope *scope)
{
    if (!lua_isfunction(L, 2))
        return luaL_error(L, "node:wait: needs a condition function, got %s",
                          options_describe(L, 2));
    uint64_t deadline_us = check_deadline(L, scope->node);
    if (!coroutine_can_yield(L))
        return luaL_error(L, "node:wait: only a coroutine can wait");
    if (!ask_at_once(L, scope))
        return result_fail(L, protected_last_message(scope->caller),
                           CODE_HANDLER);
    if (lua_toboolean(L, -1))
        return 1;
    add_wait(L, scope, deadline_us);
    return coroutine_yield(L);
}
