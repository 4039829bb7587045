/* SPDX-License-Identifier: MIT */
/* The node's methods that go into the engine: check, begin, act, end. */
#include "../../../lua/arguments.h"
#include "../../../lua/options.h"
#include "../../../lua/result.h"
#include "../../engine/messaging.h"
#include "../../engine/view.h"
#include "../admission.h"
#include "../identity.h"
#include "../info.h"
#include "../script_tags.h"
#include "../sends.h"
#include "methods.h"

/* ---- The methods that an engine has, too ---- */

static void check(lua_State *L, struct common_call *call)
{
    struct node *node = methods_check_open(L);
    call->object = node;
    call->engine = node_engine(node);
}

static void check_entry(lua_State *L, struct common_call *call,
                        const char *method)
{
    struct node *node = methods_check_sending(L, method);
    call->object = node;
    call->engine = node_engine(node);
    call->questions = node->current->questions;
    call->now_us = node->backend->ops->now_us(node->backend);
    call->first = 2;
}

/* The engine may ask questions: on this thread, if it is of their state. */
static void begin(lua_State *L, struct common_call *call)
{
    struct node *node = call->object;
    questions *q = call->questions;
    bool is_theirs = methods_scope(L)->L == node->current->scope.L;
    q->error.text[0] = '\0';
    call->before = is_theirs ? questions_use(q, L) : q->L;
}

static int end(lua_State *L, struct common_call *call, int error)
{
    struct node *node = call->object;
    questions *q = node->current->questions;
    q->L = call->before;
    node->backend->ops->wake(node->backend);
    return view_push_result(L, error, call->engine, q);
}

static int leave(struct common_call *call)
{
    struct node *node = call->object;
    return node->backend->ops->leave(node->backend);
}

static int set_tags(struct common_call *call, shoal_bytes tags)
{
    return script_tags_set(call->object, tags);
}

/* One of a former life that has not come back is none of the engine's. */
static int forget(struct common_call *call, shoal_bytes addr)
{
    int error = shoal_forget(call->engine, call->now_us, addr);
    if (error == SHOAL_ERR_NOT_FOUND && memory_forget(call->object, addr))
        return 0;
    return error;
}

static int become(struct common_call *call, shoal_bytes id)
{
    questions *q = call->questions;
    if (!node_is_asking(call->object) && identity_check_reach(q, id, &q->error))
        return SHOAL_ERR_IDENTITY;
    return shoal_change_identity(call->engine, call->now_us, id);
}

static uint32_t cluster_size(const struct common_call *call)
{
    return ((const struct node *)call->object)->cluster_size;
}

static int64_t clock_offset_us(const struct common_call *call)
{
    return node_clock_offset_us(call->object);
}

static void push_stats(lua_State *L, struct common_call *call)
{
    info_push_stats(L, call->object);
}

const struct common_kind methods_kind = {
    .prefix = "node:",
    .cluster_size = cluster_size,
    .clock_offset_us = clock_offset_us,
    .check = check,
    .check_entry = check_entry,
    .begin = begin,
    .end = end,
    .leave = leave,
    .set_tags = set_tags,
    .forget = forget,
    .change_identity = become,
    .push_stats = push_stats,
};

/* ---- Messages ---- */

static int send_now(lua_State *L, const value_identity *to, shoal_bytes data)
{
    struct common_call call = {0};
    struct scope *scope = methods_caller(L);
    uint64_t ticket = ++scope->node->tickets;
    check_entry(L, &call, "node:send");
    if (lua_isfunction(L, 4)) { /* nothing may fail once it is sent */
        lua_pushvalue(L, 4);
        sends_keep(L, scope, ticket);
    }
    begin(L, &call);
    int error =
        shoal_send_to(call.engine, call.now_us, value_identity_bytes(to),
                      SEND_MESSAGE, data, ticket);
    if (error != 0)
        sends_forget(L, scope, ticket);
    return end(L, &call, error);
}

/* send(to, data[, fn]) */
static int send_to(lua_State *L)
{
    static const char who[] = "node:send";
    value_identity to;
    lua_settop(L, 4);
    if (!lua_isnil(L, 4) && !lua_isfunction(L, 4))
        return arguments_fail(L, 4, who, "a function");
    struct node *node = methods_check_sending(L, who);
    int results = messaging_find(L, node_engine(node), 2, who, &to);
    if (results > 0)
        return results;
    return send_now(L, &to, messaging_pack(L, 3, who));
}

/* ask(name, data[, options], fn) */
static int ask(lua_State *L)
{
    (void)methods_check_sending(L, "node:ask");
    return asks_push(L, methods_caller(L));
}

/* ---- Joining ---- */

/* Joining may announce at once, which is an entry point. */
static int join_one(lua_State *L, struct node *node, const char *endpoint)
{
    struct error error;
    if (node_is_asking(node))
        return methods_refuse_inside(L);
    if (admission_check_seed(node, endpoint, &error) != 0 ||
        node->backend->ops->join(node->backend, endpoint, &error) != 0)
        return result_fail(L, error.text, CODE_JOIN);
    lua_pushboolean(L, true);
    return 1;
}

static int announce(lua_State *L)
{
    struct node *node = methods_check_sending(L, "node:announce");
    return join_one(L, node, arguments_string(L, 2, "node:announce", NULL));
}

static int join(lua_State *L)
{
    struct node *node = methods_check_sending(L, "node:join");
    arguments_table(L, 2, "node:join");
    int count = (int)lua_rawlen(L, 2);
    for (int i = 1; i <= count; i++) {
        lua_settop(L, 2);
        lua_rawgeti(L, 2, i);
        if (lua_type(L, -1) != LUA_TSTRING)
            return luaL_error(L, "node:join: needs endpoints, got %s",
                              options_describe(L, -1));
        int results = join_one(L, node, lua_tostring(L, -1));
        if (results != 1)
            return results;
    }
    lua_pushboolean(L, true);
    return 1;
}

const luaL_Reg methods_enter[] = {
    {"announce", announce}, {"join", join}, {"send", send_to},
    {"ask", ask},           {NULL, NULL},
};
