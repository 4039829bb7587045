/* SPDX-License-Identifier: MIT */
#include "asks_parts.h"

#include "../../base/list.h"
#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "coroutine.h"
#include "node.h"
#include "sends.h"
#include "waits.h"

#include <stdlib.h>

enum { AGAIN_US = 50 * 1000 /* when too many messages are under way */ };

/* ---- Life ---- */

static void cancel(struct ask *ask, void **timer)
{
    struct backend *backend = ask->scope->node->backend;
    if (*timer)
        backend->ops->timer_cancel(backend, *timer);
    *timer = NULL;
}

void asks_free(struct ask *ask)
{
    cancel(ask, &ask->timeout);
    cancel(ask, &ask->again);
    LIST_REMOVE(ask);
    ask->scope->node->num_asks--;
    free(ask);
}

void asks_end(struct scope *scope)
{
    while (scope->asks) {
        refs_free(scope_state(scope), &scope->asks->state);
        asks_free(scope->asks);
    }
}

struct ended {
    struct scope *scope;
    int state;
};

/* STACK: state -> state missing */
static void push_missing(lua_State *L, int state)
{
    lua_newtable(L);
    lua_rawgeti(L, state, ORDER);
    lua_rawgeti(L, state, MEMBERS);
    int missing = state + 1, count = (int)lua_rawlen(L, -2), n = 0;
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, missing + 1, i);
        lua_rawget(L, missing + 2);
        if (lua_isnil(L, -1))
            lua_pop(L, 1);
        else
            lua_rawseti(L, missing, ++n);
    }
    lua_settop(L, missing);
}

static void call_in_region(lua_State *L, void *context)
{
    const struct ended *ended = context;
    luaL_checkstack(L, 12, "cannot tell the answers");
    refs_push(L, ended->state);
    int state = lua_gettop(L);
    push_missing(L, state);
    lua_rawgeti(L, state, FN);
    bool waits = lua_isthread(L, -1);
    if (!waits)
        scope_push_self(ended->scope, L);
    lua_rawgeti(L, state, ANSWERS);
    lua_pushvalue(L, state + 1);
    if (waits)
        coroutine_prepare(L, 2);
    protected_invoke(ended->scope->caller, L, 3, 0);
}

/* It is over before its function is called, which may ask again. */
void asks_finish(struct ask *ask)
{
    struct ended ended = {ask->scope, ask->state};
    asks_free(ask);
    scope_run(ended.scope, call_in_region, &ended, "ask");
    refs_free(scope_state(ended.scope), &ended.state);
}

static void on_timeout(void *context)
{
    struct ask *ask = context;
    struct node *node = ask->scope->node;
    ask->timeout = NULL; /* the backend frees it when we return */
    asks_finish(ask);
    waits_check(node);
}

void asks_finish_soon(struct ask *ask)
{
    struct backend *backend = ask->scope->node->backend;
    void *soon = backend->ops->timer_new(backend, 0, 0, on_timeout, ask);
    if (!soon)
        return; /* at the timeout, then */
    cancel(ask, &ask->timeout);
    ask->timeout = soon;
}

struct ask *asks_new(struct scope *scope, double id, uint64_t timeout_us)
{
    struct backend *backend = scope->node->backend;
    struct ask *ask = calloc(1, sizeof *ask);
    if (!ask)
        return NULL;
    ask->timeout =
        backend->ops->timer_new(backend, timeout_us, 0, on_timeout, ask);
    if (!ask->timeout) {
        free(ask);
        return NULL;
    }
    ask->scope = scope;
    ask->id = id;
    LIST_PUSH(scope->asks, ask);
    scope->node->num_asks++;
    return ask;
}

/* ---- Asking ---- */

void asks_mark_gone(lua_State *L, struct ask *ask, int state, int key)
{
    int top = lua_gettop(L);
    lua_rawgeti(L, state, GONE);
    lua_pushvalue(L, key);
    lua_rawget(L, top + 1);
    bool was_known = !lua_isnil(L, -1);
    lua_settop(L, top + 1);
    lua_pushvalue(L, key);
    lua_pushboolean(L, true);
    lua_rawset(L, top + 1);
    lua_settop(L, top);
    ask->left -= !was_known;
}

/* Of the member with the address at `key`. false: it has none. */
static bool identity_of(lua_State *L, int state, int key, value_identity *id)
{
    int top = lua_gettop(L);
    lua_rawgeti(L, state, MEMBERS);
    lua_pushvalue(L, key);
    lua_rawget(L, top + 1);
    if (lua_istable(L, -1))
        lua_getfield(L, -1, "id");
    bool is_good = value_to_identity(L, lua_gettop(L), "member", id) == 0;
    lua_settop(L, top);
    return is_good;
}

static int send_question(struct node *node, const value_identity *to,
                         shoal_bytes question)
{
    struct backend *backend = node->backend;
    return shoal_send_to(node_engine(node), backend->ops->now_us(backend),
                         value_identity_bytes(to), SEND_QUESTION, question, 0);
}

/* Pushes the bytes. */
static shoal_bytes push_question(lua_State *L, int state)
{
    shoal_bytes question;
    lua_rawgeti(L, state, QUESTION);
    question.data = (const uint8_t *)lua_tolstring(L, -1, &question.size);
    return question;
}

/* The member with the address at `key`. 0, or why it cannot be asked now. */
static int ask_one(lua_State *L, struct ask *ask, int state, int key)
{
    int top = lua_gettop(L);
    value_identity id;
    shoal_bytes question = push_question(L, state);
    int error = identity_of(L, state, key, &id)
                    ? send_question(ask->scope->node, &id, question)
                    : SHOAL_ERR_NOT_A_MEMBER;
    if (error == SHOAL_ERR_NOT_A_MEMBER) {
        asks_mark_gone(L, ask, state, key);
        error = 0;
    }
    lua_settop(L, top);
    return error;
}

/* Those in the queue, as far as they may be asked now; the others stay there. A
 * question to many is not gossiped: that brings several copies to each, where a
 * message and its receipt are two packets. */
static void ask_some(lua_State *L, struct ask *ask, int state)
{
    int queue = lua_gettop(L) + 1, rest = queue + 1, key = rest + 1, n = 0;
    lua_rawgeti(L, state, QUEUE);
    lua_newtable(L);
    for (int i = 1; i <= ask->waiting; i++) {
        lua_rawgeti(L, queue, i);
        if (lua_toboolean(L, key) && ask_one(L, ask, state, key) != 0) {
            lua_rawseti(L, rest, ++n);
            continue;
        }
        lua_pushboolean(L, false); /* if memory runs out behind it */
        lua_rawseti(L, queue, i);
        lua_settop(L, rest);
    }
    lua_rawseti(L, state, QUEUE);
    lua_settop(L, queue - 1);
    ask->waiting = n;
}

static void go_on_in_region(lua_State *L, void *context)
{
    struct ask *ask = context;
    luaL_checkstack(L, 20, "cannot ask");
    refs_push(L, ask->state);
    ask_some(L, ask, lua_gettop(L));
}

static void go_on_after(struct ask *ask, uint64_t us);

static void go_on(void *context)
{
    struct ask *ask = context;
    struct backend *backend = ask->scope->node->backend;
    ask->again = NULL;
    scope_run(ask->scope, go_on_in_region, ask, "ask");
    backend->ops->wake(backend);
    if (ask->waiting > 0)
        go_on_after(ask, AGAIN_US);
    else if (ask->left == 0)
        asks_finish_soon(ask);
}

/* Without memory those who are left are missing, in the end. */
static void go_on_after(struct ask *ask, uint64_t us)
{
    struct backend *backend = ask->scope->node->backend;
    ask->again = backend->ops->timer_new(backend, us, 0, go_on, ask);
}

/* Nothing in here raises once the questions are asked on `L`. */
int asks_begin(lua_State *L, struct ask *ask, int state)
{
    struct node *node = ask->scope->node;
    questions *q = node->current->questions;
    int top = lua_gettop(L), error = 0;
    value_identity id;
    shoal_bytes question = push_question(L, state);
    lua_rawgeti(L, state, QUEUE);
    lua_rawgeti(L, top + 2, 1);
    if (identity_of(L, state, top + 3, &id)) {
        bool is_theirs = ask->scope->L == node->current->scope.L;
        lua_State *before = is_theirs ? questions_use(q, L) : q->L;
        error = send_question(node, &id, question);
        q->L = before;
        lua_pushboolean(L, false);
        if (error == 0)
            lua_rawseti(L, top + 2, 1);
    }
    lua_settop(L, top);
    if (error != 0 && error != SHOAL_ERR_NOT_A_MEMBER &&
        error != SHOAL_ERR_FULL)
        return error;
    go_on_after(ask, 0);
    return 0;
}

void asks_push_counts(lua_State *L, const struct node *node)
{
    lua_createtable(L, 0, 5);
    value_set_count(L, "asked", node->ask_counts.asked);
    value_set_count(L, "refused", node->ask_counts.refused);
    value_set_count(L, "answered", node->ask_counts.answered);
    value_set_count(L, "unanswered", node->ask_counts.unanswered);
    value_set_count(L, "late", node->ask_counts.late);
}
