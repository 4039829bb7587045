/* SPDX-License-Identifier: MIT */
#include "asks_parts.h"

#include "../../base/bytes.h"
#include "../../lua/arguments.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/refs.h"
#include "../../lua/result.h"
#include "../engine/messaging.h"
#include "../engine/view.h"
#include "coroutine.h"
#include "node.h"

/* ---- Whom to ask ---- */

/* Replaces what options.members lists by members: their tables, if they are
 * active; as they were told, if not. 0, or how many values were pushed: nil,
 * message, "not_a_member". STACK: list -> list */
static int resolve(lua_State *L, struct node *node, const char *who)
{
    shoal *engine = node_engine(node);
    int from = lua_gettop(L), to = from + 1;
    int count = (int)lua_rawlen(L, from);
    lua_newtable(L);
    for (int i = 1; i <= count; i++) {
        value_identity id;
        shoal_member member = shoal_self(engine);
        lua_rawgeti(L, from, i);
        int results = messaging_find(L, engine, to + 1, who, &id);
        bool is_us =
            results == 0 && bytes_equal(value_identity_bytes(&id), member.id);
        if (results == 0 &&
            (is_us ||
             shoal_find_identity(engine, value_identity_bytes(&id), &member)))
            view_push_member(L, &member, node->clock_offset_us);
        else if (results > 0 && !lua_istable(L, to + 1))
            return results;
        else
            lua_pushvalue(L, to + 1);
        lua_rawseti(L, to, i);
        lua_settop(L, to);
    }
    lua_replace(L, from);
    return 0;
}

/* Pushes the list of those who are expected; or as resolve(). */
static int push_whom(lua_State *L, struct node *node, int options,
                     const char *who)
{
    int list = lua_gettop(L) + 1;
    if (options_table(L, options, who, "members")) {
        int results = resolve(L, node, who);
        if (results > 0)
            return results;
    } else
        view_push_living(L, node_engine(node), node->clock_offset_us);
    view_filter_where(L, options, who);
    lua_settop(L, list);
    return 0;
}

/* Fills ORDER, QUEUE and MEMBERS; says how many they are. STACK: list ->
 * (nothing) */
static int expect(lua_State *L, int state)
{
    int list = lua_gettop(L), order = list + 1, queue = list + 2;
    int members = list + 3, member = list + 4, key = list + 5, n = 0;
    int count = (int)lua_rawlen(L, list);
    lua_rawgeti(L, state, ORDER);
    lua_rawgeti(L, state, QUEUE);
    lua_rawgeti(L, state, MEMBERS);
    for (int i = 1; i <= count; i++, lua_settop(L, members)) {
        lua_rawgeti(L, list, i);
        lua_getfield(L, member, "addr");
        if (value_to_addr(L, key, "addr"))
            lua_error(L);
        lua_replace(L, key);
        lua_pushvalue(L, key);
        lua_rawget(L, members);
        if (!lua_isnil(L, -1))
            continue;
        n++;
        lua_pushvalue(L, key);
        lua_rawseti(L, order, n);
        lua_pushvalue(L, key);
        lua_rawseti(L, queue, n);
        lua_pushvalue(L, key);
        lua_pushvalue(L, member);
        lua_rawset(L, members);
    }
    lua_settop(L, list - 1);
    return n;
}

/* ---- In Lua ---- */

enum {
    MAX_ASKS = 64,           /* of a node at a time */
    MAX_NAME = 64,           /* bytes */
    DEFAULT_US = 5000 * 1000 /* timeout */
};

enum { ARG_NAME = 2, ARG_DATA, ARG_OPTIONS, ARG_FN };
static const char method[] = "node:ask";

static void check_arguments(lua_State *L)
{
    static const char *const names[] = {"where", "members", "timeout", NULL};
    size_t size;
    if (lua_isfunction(L, ARG_OPTIONS) && lua_isnoneornil(L, ARG_FN)) {
        lua_settop(L, ARG_OPTIONS);
        lua_pushnil(L);
        lua_insert(L, ARG_OPTIONS);
    }
    lua_settop(L, ARG_FN);
    arguments_string(L, ARG_NAME, method, &size);
    if (size == 0 || size > MAX_NAME)
        luaL_error(L, "%s: the name must have 1 to %d bytes", method, MAX_NAME);
    options_check(L, ARG_OPTIONS, method, names, true);
    if (!coroutine_waits(L, ARG_FN, method) && !lua_isfunction(L, ARG_FN))
        arguments_fail(L, ARG_FN, method, "a function");
}

static uint64_t check_timeout(lua_State *L)
{
    uint64_t us = DEFAULT_US;
    double seconds = options_number(L, ARG_OPTIONS, method, "timeout",
                                    (double)DEFAULT_US / 1e6);
    if (!options_to_us(seconds, &us) || us == 0) {
        options_get(L, ARG_OPTIONS, "timeout");
        options_error(L, method, "timeout",
                      "must be a number of seconds above 0", -1);
    }
    return us;
}

/* Pushes the bytes. */
static void push_question(lua_State *L, double id)
{
    lua_pushnumber(L, id);
    (void)messaging_pack(L, -1, method);
    lua_remove(L, -2);
    lua_pushvalue(L, ARG_NAME);
    (void)messaging_pack(L, -1, method);
    lua_remove(L, -2);
    (void)messaging_pack(L, ARG_DATA, method);
    lua_concat(L, 3);
}

/* STACK: list -> state. `*count` is how many are expected. */
static void push_state(lua_State *L, double id, int *count)
{
    int state = lua_gettop(L);
    lua_createtable(L, ANSWERS, 0);
    lua_insert(L, state);
    for (int table = ORDER; table <= ANSWERS; table++) {
        lua_newtable(L);
        lua_rawseti(L, state, table);
    }
    *count = expect(L, state);
    if (lua_isnil(L, ARG_FN))
        lua_pushthread(L);
    else
        lua_pushvalue(L, ARG_FN);
    lua_rawseti(L, state, FN);
    push_question(L, id);
    lua_rawseti(L, state, QUESTION);
}

/* Not those that were asked by a former life at our address. */
static double next_id(struct node *node)
{
    return (double)(node->started_us + ++node->ask_counts.asked);
}

/* STACK: state */
static int begin(lua_State *L, struct scope *scope, double id, int count,
                 uint64_t timeout_us)
{
    struct node *node = scope->node;
    int state = lua_gettop(L);
    lua_pushvalue(L, state);
    int ref = refs_new(L);
    struct ask *ask = asks_new(scope, id, timeout_us);
    if (!ask) {
        refs_free(L, &ref);
        return result_error(L, SHOAL_ERR_NOMEM, NULL);
    }
    ask->state = ref;
    ask->waiting = ask->left = count;
    int error = count > 0 ? asks_begin(L, ask, state) : 0;
    if (count == 0)
        asks_finish_soon(ask);
    node->backend->ops->wake(node->backend);
    if (error != 0) {
        refs_free(L, &ask->state);
        asks_free(ask);
        return result_error(L, error, shoal_error_detail(node_engine(node)));
    }
    if (lua_isnil(L, ARG_FN))
        return coroutine_yield(L);
    lua_pushboolean(L, true);
    return 1;
}

int asks_push(lua_State *L, struct scope *scope)
{
    struct node *node = scope->node;
    int count;
    luaL_checkstack(L, 40, "cannot ask");
    check_arguments(L);
    uint64_t timeout_us = check_timeout(L);
    if (shoal_is_asking(node_engine(node)))
        return result_error(L, SHOAL_ERR_REENTRANT, NULL);
    if (shoal_get_connection(node_engine(node)) == SHOAL_CONNECTION_DEFUNCT)
        return result_error(L, SHOAL_ERR_DEFUNCT, NULL);
    if (node->num_asks >= MAX_ASKS) {
        node->ask_counts.refused++;
        return result_error(L, SHOAL_ERR_FULL, "64 questions are under way");
    }
    int results = push_whom(L, node, ARG_OPTIONS, method);
    if (results > 0)
        return results;
    if (scope->ended || node->phase != NODE_LIVE) /* a filter did that */
        return luaL_error(L, "%s: this version of the handlers has ended",
                          method);
    double id = next_id(node);
    push_state(L, id, &count);
    return begin(L, scope, id, count, timeout_us);
}
