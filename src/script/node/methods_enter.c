/* SPDX-License-Identifier: MIT */
/* The node's methods that go into the engine: check, begin, act, end. */
#include "../../lua/arguments.h"
#include "../../lua/options.h"
#include "../../lua/result.h"
#include "../../lua/value.h"
#include "../engine/config.h"
#include "../engine/view.h"
#include "identity.h"
#include "methods.h"

/* The engine may ask questions: on this thread, if it is of their state. */
static lua_State *begin(lua_State *L, struct node *node)
{
    questions *q = node->current->questions;
    bool is_theirs = methods_scope(L)->L == node->current->scope.L;
    q->error[0] = '\0';
    return is_theirs ? questions_use(q, L) : q->L;
}

static int end(lua_State *L, struct node *node, lua_State *before, int error)
{
    questions *q = node->current->questions;
    q->L = before;
    node->backend->ops->wake(node->backend);
    return view_push_result(L, error, node_engine(node), q);
}

static uint64_t now_us(const struct node *node)
{
    return node->backend->ops->now_us(node->backend);
}

typedef int entry_fn(shoal *engine, uint64_t now_us);

static int enter(lua_State *L, const char *name, entry_fn *entry)
{
    struct node *node = methods_check_sending(L, name);
    lua_State *before = begin(L, node);
    return end(L, node, before, entry(node_engine(node), now_us(node)));
}

static int gossip(lua_State *L)
{
    return enter(L, "gossip", shoal_gossip);
}

static int broadcast(lua_State *L)
{
    return enter(L, "broadcast", shoal_broadcast);
}

static int leave(lua_State *L)
{
    struct node *node = methods_check_sending(L, "leave");
    lua_State *before = begin(L, node);
    return end(L, node, before, node->backend->ops->leave(node->backend));
}

static int reuse_down_identity(lua_State *L)
{
    return enter(L, "reuse_down_identity", shoal_reuse_down_identity);
}

static int become(struct node *node, shoal_bytes id)
{
    questions *q = node->current->questions;
    if (!node_is_asking(node) && identity_check_reach(q, id, q->error))
        return SHOAL_ERR_IDENTITY;
    return shoal_change_identity(node_engine(node), now_us(node), id);
}

static int change_identity(lua_State *L)
{
    struct node *node = methods_check_sending(L, "change_identity");
    value_identity id;
    if (value_to_identity(L, 2, "identity", &id) != 0)
        return result_error(L, SHOAL_ERR_IDENTITY, lua_tostring(L, -1));
    lua_State *before = begin(L, node);
    return end(L, node, before, become(node, value_identity_bytes(&id)));
}

static int add_broadcast(lua_State *L)
{
    struct node *node = methods_check_sending(L, "add_broadcast");
    shoal_bytes data;
    data.data = (const uint8_t *)arguments_string(L, 2, "node:add_broadcast",
                                                  &data.size);
    lua_State *before = begin(L, node);
    int queued = shoal_add_broadcast(node_engine(node), now_us(node), data);
    int results = end(L, node, before, queued);
    if (queued < 0)
        return results;
    lua_pushboolean(L, queued);
    return 1;
}

static int apply(lua_State *L)
{
    static const char *const names[] = {"broadcast", NULL};
    struct node *node = methods_check_sending(L, "apply");
    size_t count;
    options_check(L, 3, "node:apply", names, true);
    bool spread = options_boolean(L, 3, "node:apply", "broadcast", false);
    const shoal_update *updates =
        view_check_updates(L, 2, "node:apply", &count);
    lua_State *before = begin(L, node);
    return end(
        L, node, before,
        shoal_apply(node_engine(node), now_us(node), updates, count, spread));
}

static int forget(lua_State *L)
{
    struct node *node = methods_check_sending(L, "forget");
    shoal_bytes addr;
    arguments_value(L, 2, "node:forget", "an address");
    if (value_to_addr(L, 2, "address") != 0)
        lua_error(L);
    addr.data = (const uint8_t *)lua_tolstring(L, -1, &addr.size);
    lua_State *before = begin(L, node);
    return end(L, node, before,
               shoal_forget(node_engine(node), now_us(node), addr));
}

static int set_config(lua_State *L)
{
    struct node *node = methods_check_sending(L, "set_config");
    shoal_config config = *shoal_get_config(node_engine(node));
    arguments_value(L, 2, "node:set_config", "a config");
    if (config_read(L, 2, "node:set_config", node->cluster_size, &config) != 0)
        return result_error(L, SHOAL_ERR_INVALID_CONFIG, lua_tostring(L, -1));
    lua_State *before = begin(L, node);
    return end(L, node, before,
               shoal_set_config(node_engine(node), now_us(node), &config));
}

/* ---- Joining ---- */

/* Joining may announce at once, which is an entry point. */
static int join_one(lua_State *L, struct node *node, const char *endpoint)
{
    char error[HOST_MAX_ERROR];
    if (node_is_asking(node))
        return methods_refuse_inside(L);
    if (node->backend->ops->join(node->backend, endpoint, error) != 0)
        return result_fail(L, error, CODE_JOIN);
    lua_pushboolean(L, true);
    return 1;
}

static int announce(lua_State *L)
{
    struct node *node = methods_check_sending(L, "announce");
    return join_one(L, node, arguments_string(L, 2, "node:announce", NULL));
}

static int join(lua_State *L)
{
    struct node *node = methods_check_sending(L, "join");
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
    {"announce", announce},
    {"join", join},
    {"gossip", gossip},
    {"broadcast", broadcast},
    {"add_broadcast", add_broadcast},
    {"leave", leave},
    {"apply", apply},
    {"forget", forget},
    {"change_identity", change_identity},
    {"reuse_down_identity", reuse_down_identity},
    {"set_config", set_config},
    {NULL, NULL},
};
