/* SPDX-License-Identifier: MIT */
/*
 * A scope's registry reference `sent` is { [-ticket] = function }: see refs.h
 * for why the keys are below zero.
 */
#include "sends.h"

#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "asks.h"
#include "node.h"
#include "replies.h"

/* ---- What is to be called ---- */

/* Pushes the scope's table. */
static void push_sent(lua_State *L, struct scope *scope)
{
    if (scope->sent == REFS_NONE) {
        lua_newtable(L);
        scope->sent = refs_new(L);
    }
    refs_push(L, scope->sent);
}

void sends_keep(lua_State *L, struct scope *scope, uint64_t ticket)
{
    push_sent(L, scope);
    lua_pushnumber(L, -(lua_Number)ticket);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 2);
}

/* Pushes what was kept, or nil, which is then there no more. */
static void take(lua_State *L, const struct scope *scope, uint64_t ticket)
{
    refs_push(L, scope->sent);
    if (lua_isnil(L, -1))
        return;
    lua_pushnumber(L, -(lua_Number)ticket);
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (!lua_isnil(L, -1)) {
        lua_insert(L, -2);
        lua_pushnil(L);
        lua_rawset(L, -4);
    } else {
        lua_remove(L, -2);
    }
    lua_remove(L, -2);
}

void sends_forget(lua_State *L, const struct scope *scope, uint64_t ticket)
{
    take(L, scope, ticket);
    lua_pop(L, 1);
}

struct send_outcome {
    struct scope *scope;
    const shoal_effect *effect;
};

static void push_failure(lua_State *L, const shoal_effect *effect)
{
    const shoal_member *member = &effect->member;
    lua_pushboolean(L, false);
    if (effect->error == SHOAL_ERR_MEMBER_DOWN)
        lua_pushfstring(L, "%s (%s)", shoal_error_text(effect->error),
                        shoal_reason_name(member->reason));
    else
        lua_pushstring(L, shoal_error_text(effect->error));
    lua_pushstring(L, shoal_error_name(effect->error));
}

static void call_in_region(lua_State *L, void *context)
{
    const struct send_outcome *outcome = context;
    const shoal_effect *effect = outcome->effect;
    luaL_checkstack(L, 12, "cannot tell of a message");
    take(L, outcome->scope, effect->ticket);
    if (lua_isnil(L, -1))
        return;
    scope_push_self(outcome->scope, L);
    if (effect->event == SHOAL_EVENT_MESSAGE_FAILED)
        push_failure(L, effect);
    else
        lua_pushboolean(L, true);
    protected_invoke(outcome->scope->caller, L, lua_gettop(L) - 1, 0);
}

static void call(struct scope *scope, const shoal_effect *effect)
{
    struct send_outcome outcome = {scope, effect};
    if (!scope->ended && scope->sent != REFS_NONE)
        scope_run(scope, call_in_region, &outcome, "send");
}

/* ---- Events ---- */

static bool is_listened_to(const struct node *node, shoal_event event)
{
    return (node->scopes.program.diagnostics |
            node->current->scope.diagnostics) >>
               event &
           1;
}

bool sends_tell(struct node *node, const shoal_effect *effect)
{
    asks_note(node, effect);
    if (effect->event == SHOAL_EVENT_TAGS &&
        reserved_tag_is_all(effect->before, effect->member.tags))
        return true;
    if (effect->event == SHOAL_EVENT_MESSAGE && effect->flags == SEND_KEY)
        rotation_take(node, effect->data);
    if (effect->event == SHOAL_EVENT_MESSAGE && effect->flags == SEND_QUESTION)
        replies_give(node, effect);
    if (effect->event == SHOAL_EVENT_MESSAGE && effect->flags == SEND_ANSWER)
        asks_answered(node, effect);
    if (effect->event == SHOAL_EVENT_MESSAGE)
        return effect->flags != SEND_MESSAGE;
    if (!(SENDS_DIAGNOSTICS >> effect->event & 1))
        return false;
    struct scope *current = &node->current->scope;
    call(&node->scopes.program, effect);
    if (node->phase == NODE_LIVE && &node->current->scope == current)
        call(current, effect);
    return node->phase != NODE_LIVE || !is_listened_to(node, effect->event);
}
