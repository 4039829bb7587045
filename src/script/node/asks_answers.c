/* SPDX-License-Identifier: MIT */
#include "asks_parts.h"

#include "../../base/bytes.h"
#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "../engine/messaging.h"
#include "../engine/view.h"
#include "node.h"

/* ---- What comes ---- */

static struct ask *find(struct scope *scope, double id)
{
    struct ask *ask = scope->asks;
    while (ask && ask->id != id)
        ask = ask->next;
    return ask;
}

struct coming {
    struct node *node;
    struct ask *ask;
    const shoal_effect *effect;
    double id;
    size_t used; /* bytes of the id */
    bool is_answer;
};

/* Pushes the member with that address that has not answered, or nil. */
static void push_expected(lua_State *L, int state, shoal_bytes addr)
{
    lua_rawgeti(L, state, MEMBERS);
    value_push_bytes(L, addr);
    lua_rawget(L, -2);
    lua_remove(L, -2);
}

/* Takes it out of a table of the state; true: it was in it. */
static bool take_out(lua_State *L, int state, int table, shoal_bytes addr)
{
    int top = lua_gettop(L);
    lua_rawgeti(L, state, table);
    value_push_bytes(L, addr);
    lua_pushvalue(L, top + 2);
    lua_rawget(L, top + 1);
    bool was_there = !lua_isnil(L, -1);
    lua_settop(L, top + 2);
    lua_pushnil(L);
    if (was_there)
        lua_rawset(L, top + 1);
    lua_settop(L, top);
    return was_there;
}

/* Sets what the rest of an answer says in the table on top of the stack. */
static void set_answer(lua_State *L, shoal_bytes rest)
{
    int answer = lua_gettop(L);
    messaging_push_next(L, &rest);
    if (lua_toboolean(L, -1)) {
        messaging_push_next(L, &rest);
        lua_setfield(L, answer, "data");
    } else {
        messaging_push_next(L, &rest);
        if (lua_type(L, -1) != LUA_TSTRING) {
            lua_pop(L, 1);
            lua_pushliteral(L, "not an answer");
        }
        lua_setfield(L, answer, "error");
        messaging_push_next(L, &rest);
        lua_setfield(L, answer, "code");
    }
    lua_settop(L, answer);
}

static void add_answer(lua_State *L, const struct coming *coming, int state,
                       shoal_bytes rest)
{
    lua_rawgeti(L, state, ANSWERS);
    lua_createtable(L, 0, 2);
    view_push_member(L, &coming->effect->member, coming->node->clock_offset_us);
    lua_setfield(L, -2, "member");
    set_answer(L, rest);
    lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

/* The engine's bytes are its own until the next entry point, and Lua may run a
 * finalizer that calls one: so they are copied first. */
static void take_answer(lua_State *L, void *context)
{
    struct coming *coming = context;
    struct ask *ask = coming->ask;
    shoal_bytes rest, addr;
    luaL_checkstack(L, 20, "cannot take an answer");
    value_push_bytes(L, coming->effect->data);
    rest.data = (const uint8_t *)lua_tolstring(L, -1, &rest.size);
    value_push_bytes(L, coming->effect->member.addr);
    addr.data = (const uint8_t *)lua_tolstring(L, -1, &addr.size);
    refs_push(L, ask->state);
    int state = lua_gettop(L);
    push_expected(L, state, addr);
    if (lua_isnil(L, -1))
        return;
    add_answer(L, coming, state,
               bytes_of(rest.data + coming->used, rest.size - coming->used));
    coming->is_answer = true;
    (void)take_out(L, state, MEMBERS, addr);
    if (!take_out(L, state, GONE, addr))
        ask->left--;
}

static void read_id(lua_State *L, void *context)
{
    struct coming *coming = context;
    luaL_checkstack(L, 8, "cannot take an answer");
    value_push_bytes(L, coming->effect->data);
    shoal_bytes data;
    data.data = (const uint8_t *)lua_tolstring(L, -1, &data.size);
    if (value_push(L, data, &coming->used) == 0)
        coming->id = lua_tonumber(L, -1);
}

void asks_answered(struct node *node, const shoal_effect *effect)
{
    struct coming coming = {.node = node, .effect = effect};
    struct scope *current = &node->current->scope;
    scope_run(current, read_id, &coming, "ask");
    coming.ask = find(&node->scopes.program, coming.id);
    if (!coming.ask)
        coming.ask = find(current, coming.id);
    if (coming.ask)
        scope_run(coming.ask->scope, take_answer, &coming, "ask");
    if (!coming.is_answer)
        node->ask_counts.late++;
    else if (coming.ask->left == 0)
        asks_finish(coming.ask);
}

/* ---- Who goes ---- */

static void note_gone(lua_State *L, void *context)
{
    struct coming *coming = context;
    shoal_bytes addr;
    luaL_checkstack(L, 20, "cannot note who is down");
    value_push_bytes(L, coming->effect->member.addr);
    int key = lua_gettop(L);
    addr.data = (const uint8_t *)lua_tolstring(L, key, &addr.size);
    refs_push(L, coming->ask->state);
    int state = lua_gettop(L);
    push_expected(L, state, addr);
    lua_rawgeti(L, state, GONE);
    lua_pushvalue(L, key);
    lua_rawget(L, -2);
    if (!lua_isnil(L, state + 1) && lua_isnil(L, -1))
        asks_mark_gone(L, coming->ask, state, key);
}

static void note_in(struct node *node, struct scope *scope,
                    const shoal_effect *effect)
{
    for (struct ask *ask = scope->asks; ask; ask = ask->next) {
        struct coming coming = {.node = node, .ask = ask, .effect = effect};
        scope_run(scope, note_gone, &coming, "ask");
        if (ask->left == 0)
            asks_finish_soon(ask);
    }
}

void asks_note(struct node *node, const shoal_effect *effect)
{
    if (node->num_asks == 0 || (effect->event != SHOAL_EVENT_MEMBER_DOWN &&
                                effect->event != SHOAL_EVENT_RENAME))
        return;
    note_in(node, &node->scopes.program, effect);
    note_in(node, &node->current->scope, effect);
}
