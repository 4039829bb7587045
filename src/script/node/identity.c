/* SPDX-License-Identifier: MIT */
#include "identity.h"

#include "../../base/bytes.h"
#include "../../base/error.h"
#include "../../lua/compat.h"
#include "../engine/answers.h"
#include "advertise.h"
#include "node.h"

#include <string.h>

struct making {
    struct node *node;
    value_identity *out;
};

/* Sets the field of the table on top, unless `text` is NULL or empty. */
static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text || *text == '\0')
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_meta(lua_State *L, shoal_bytes meta)
{
    size_t used;
    if (meta.size == 0)
        return;
    if (value_push(L, meta, &used) != 0)
        lua_error(L);
    lua_setfield(L, -2, "meta");
}

static void read_result(lua_State *L, const char *name, value_identity *out)
{
    if (value_to_identity(L, -1, name, out) != 0)
        lua_error(L);
}

void identity_push_args(lua_State *L, const struct node *node)
{
    shoal_bytes args = node->birth.args;
    size_t used;
    if (args.size == 0)
        lua_newtable(L);
    else if (value_push(L, args, &used) != 0)
        lua_error(L);
}

void identity_push_options(lua_State *L, const struct node *node)
{
    lua_createtable(L, 0, 6);
    set_text(L, "bind", node->birth.bind);
    set_text(L, "advertise", node->birth.advertise);
    set_text(L, "name", node->name);
    set_text(L, "cluster", node->cluster);
    set_meta(L, node->birth.meta);
    identity_push_args(L, node);
    lua_setfield(L, -2, "args");
}

/* identity.new{ bind=, advertise=, name=, cluster=, meta=, args= } */
static void ask(lua_State *L, void *context)
{
    struct making *making = context;
    struct node *node = making->node;
    struct version *version = node->current;
    questions_push(version->questions, L, QUESTION_NEW);
    identity_push_options(L, node);
    answers_invoke(version->questions, L, 1);
    read_result(L, "identity.new", making->out);
}

/* The least bump that wins against who we were at this address; 0: any. */
static double bump_after(lua_State *L, const struct node *node)
{
    shoal_bytes former = node->birth.former;
    double bump = -1;
    if (former.size == 0)
        return 0;
    value_push_identity(L, former);
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "addr");
        lua_getfield(L, -2, "bump");
        if (lua_type(L, -1) == LUA_TNUMBER && lua_type(L, -2) == LUA_TSTRING &&
            strcmp(lua_tostring(L, -2), node->birth.advertise) == 0)
            bump = lua_tonumber(L, -1);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    return bump < (double)SHOAL_MAX_BUMP ? bump + 1 : 0;
}

/* { addr=, bump=, name=, meta= } */
static void make_stock(lua_State *L, void *context)
{
    struct making *making = context;
    const struct node *node = making->node;
    double now_ms = (double)(node->backend->ops->wall_us(node->backend) / 1000);
    double least = bump_after(L, node);
    lua_createtable(L, 0, 4);
    set_text(L, "addr", node->birth.advertise);
    lua_pushnumber(L, now_ms > least ? now_ms : least);
    lua_setfield(L, -2, "bump");
    set_text(L, "name", node->name);
    set_meta(L, node->birth.meta);
    read_result(L, "identity", making->out);
}

static int run(struct making *making, protected_fn *fn, struct error *error)
{
    struct scope *scope = &making->node->current->scope;
    int failure = scope_run(scope, fn, making, "identity.new");
    if (failure != 0)
        error_fail(error, "%s", protected_last_message(scope->caller));
    return failure ? SHOAL_ERR_IDENTITY : 0;
}

int identity_reach(shoal_bytes endpoint, struct error *error)
{
    struct error problem;
    if (advertise_check(endpoint, &problem) == 0)
        return 0;
    error_fail(error, "identity: %.500s", problem.text);
    return SHOAL_ERR_IDENTITY;
}

int identity_check_reach(questions *q, shoal_bytes id, struct error *error)
{
    shoal_identity_questions identity = questions_handlers(q).identity;
    uint8_t room[SHOAL_MAX_IDENTITY];
    shoal_bytes addr, endpoint;
    if (identity.addr(identity.context, id, room, &addr, &endpoint) != 0)
        return 0;
    return identity_reach(endpoint, error);
}

/* Both at one address? */
static bool are_rivals(const shoal_identity_questions *ask, shoal_bytes a,
                       shoal_bytes b)
{
    uint8_t room_a[SHOAL_MAX_IDENTITY], room_b[SHOAL_MAX_IDENTITY];
    uint8_t kept[SHOAL_MAX_IDENTITY];
    shoal_bytes addr, other, endpoint;
    if (bytes_equal(a, b) ||
        ask->addr(ask->context, a, room_a, &addr, &endpoint) != 0 ||
        addr.size > sizeof kept)
        return false;
    bytes_copy(kept, addr); /* it may be the next question's */
    return ask->addr(ask->context, b, room_b, &other, &endpoint) == 0 &&
           bytes_equal(other, bytes_of(kept, addr.size));
}

void identity_follow(const struct node *node, value_identity *id)
{
    questions *q = node->current->questions;
    shoal_bytes former = node->birth.former;
    shoal_identity_questions ask = questions_handlers(q).identity;
    value_identity next;
    if (former.size == 0 ||
        !are_rivals(&ask, former, value_identity_bytes(id)) ||
        ask.wins(ask.context, value_identity_bytes(id), former) == 1)
        return;
    if (ask.renew(ask.context, former, (shoal_bytes){0}, next.data,
                  &next.size) == 1 &&
        ask.wins(ask.context, value_identity_bytes(&next), former) == 1)
        *id = next;
}

int identity_make(struct node *node, value_identity *out, struct error *error)
{
    const struct birth *birth = &node->birth;
    struct making making = {node, out};
    const questions *q = node->current->questions;
    if (q->has[QUESTION_NEW])
        return run(&making, ask, error);
    if (questions_missing(q)) {
        error_fail(error, "%s", questions_missing(q));
        return SHOAL_ERR_IDENTITY;
    }
    if (birth->advertise[0] != '\0')
        return run(&making, make_stock, error);
    error_fail(error,
               "%s is a wildcard address: advertise the address at which other "
               "members reach this host",
               birth->bind);
    return IDENTITY_NO_ADDRESS;
}
