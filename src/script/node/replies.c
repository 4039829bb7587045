/* SPDX-License-Identifier: MIT */
#include "replies.h"

#include "../../base/bytes.h"
#include "../../base/list.h"
#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "../engine/messaging.h"
#include "../engine/view.h"
#include "node.h"
#include "sends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AGAIN_US = 50 * 1000, /* between attempts to send an answer, */
    MAX_ATTEMPTS = 100,
    MAX_WAITING = 1024, /* answers */
    MAX_WHAT = 80       /* "on_ask.", and a name of 64 bytes */
};

/* One that could not be sent yet. */
struct reply {
    struct node *node;
    struct reply *next, **place;
    void *timer;
    unsigned attempts;
    value_identity to;
    size_t size;
    uint8_t bytes[];
};

/* ---- Sending ---- */

static int send_answer(struct node *node, const value_identity *to,
                       shoal_bytes answer)
{
    struct backend *backend = node->backend;
    return shoal_send_to(node_engine(node), backend->ops->now_us(backend),
                         value_identity_bytes(to), SEND_ANSWER, answer, 0);
}

static void free_reply(struct reply *reply)
{
    struct backend *backend = reply->node->backend;
    if (reply->timer)
        backend->ops->timer_cancel(backend, reply->timer);
    LIST_REMOVE(reply);
    reply->node->num_replies--;
    free(reply);
}

void replies_clear(struct node *node)
{
    while (node->replies)
        free_reply(node->replies);
}

static bool send_later(struct reply *reply);

static void on_time(void *context)
{
    struct reply *reply = context;
    struct node *node = reply->node;
    reply->timer = NULL;
    int error =
        send_answer(node, &reply->to, bytes_of(reply->bytes, reply->size));
    node->backend->ops->wake(node->backend);
    if (error == SHOAL_ERR_FULL && ++reply->attempts < MAX_ATTEMPTS &&
        send_later(reply))
        return;
    node->ask_counts.unanswered += error != 0;
    free_reply(reply);
}

static bool send_later(struct reply *reply)
{
    struct backend *backend = reply->node->backend;
    reply->timer =
        backend->ops->timer_new(backend, AGAIN_US, 0, on_time, reply);
    return reply->timer != NULL;
}

/* false: there is no room for it. */
static bool keep(struct node *node, const value_identity *to,
                 shoal_bytes answer)
{
    if (node->num_replies >= MAX_WAITING)
        return false;
    struct reply *reply = malloc(sizeof *reply + answer.size);
    if (!reply)
        return false;
    *reply = (struct reply){.node = node, .to = *to, .size = answer.size};
    memcpy(reply->bytes, answer.data, answer.size);
    LIST_PUSH(node->replies, reply);
    node->num_replies++;
    if (send_later(reply))
        return true;
    free_reply(reply);
    return false;
}

/* ---- Answering ---- */

struct answering {
    struct node *node;
    const shoal_effect *effect;
    value_identity from;
};

/* Replaces the `count` values on top of the stack by their bytes. */
static void pack(lua_State *L, int count)
{
    int first = lua_gettop(L) - count + 1;
    for (int i = 0; i < count; i++) {
        (void)messaging_pack(L, first + i, "on_ask");
        lua_replace(L, first + i);
        lua_settop(L, first + count - 1);
    }
    lua_concat(L, count);
}

/* STACK: id ... message -> id ... bytes */
static void push_error(lua_State *L, int id, const char *code)
{
    lua_pushvalue(L, id);
    lua_insert(L, -2);
    lua_pushboolean(L, false);
    lua_insert(L, -2);
    lua_pushstring(L, code);
    pack(L, 4);
}

static shoal_bytes top_bytes(lua_State *L)
{
    shoal_bytes bytes;
    bytes.data = (const uint8_t *)lua_tolstring(L, -1, &bytes.size);
    return bytes;
}

/* What is on top of the stack. */
static int give(lua_State *L, const struct answering *question)
{
    struct node *node = question->node;
    shoal_bytes answer = top_bytes(L);
    int error = send_answer(node, &question->from, answer);
    node->backend->ops->wake(node->backend);
    if (error == SHOAL_ERR_FULL && keep(node, &question->from, answer))
        error = 0;
    node->ask_counts.unanswered += error != 0 && error != SHOAL_ERR_TOO_BIG;
    return error;
}

static void give_error(lua_State *L, const struct answering *question, int id,
                       const char *code)
{
    push_error(L, id, code);
    if (give(L, question) == SHOAL_ERR_TOO_BIG)
        question->node->ask_counts.unanswered++;
}

/* Who asks must know how much would have been enough. */
static void give_too_big(lua_State *L, const struct answering *question, int id)
{
    lua_pushfstring(L, "the answer is too large: %s",
                    shoal_error_detail(node_engine(question->node)));
    give_error(L, question, id, shoal_error_name(SHOAL_ERR_TOO_BIG));
}

/* STACK: answer, of a handler */
static void give_answer(lua_State *L, const struct answering *question, int id)
{
    int answer = lua_gettop(L);
    if (value_pack(L, answer, "the answer")) {
        give_error(L, question, id, "handler");
        return;
    }
    lua_replace(L, answer);
    lua_pushvalue(L, id);
    lua_pushboolean(L, true);
    pack(L, 2);
    lua_insert(L, answer);
    lua_concat(L, 2);
    if (give(L, question) == SHOAL_ERR_TOO_BIG)
        give_too_big(L, question, id);
}

/* Pushes on_ask[name]; false, and a message, if there is none. */
static bool push_handler(lua_State *L, const struct version *version, int name)
{
    refs_push(L, version->handlers);
    if (lua_istable(L, -1))
        lua_getfield(L, -1, "on_ask");
    else
        lua_pushnil(L);
    lua_remove(L, -2);
    if (lua_istable(L, -1)) {
        lua_pushvalue(L, name);
        lua_rawget(L, -2);
        lua_remove(L, -2);
    }
    if (lua_isfunction(L, -1))
        return true;
    lua_pop(L, 1);
    lua_pushfstring(L, "there is no on_ask.%s", lua_tostring(L, name));
    return false;
}

enum { ID = 2, NAME, DATA, KEPT = DATA };

static void answer_in_region(lua_State *L, void *context)
{
    struct answering *question = context;
    struct node *node = question->node;
    struct version *version = node->current;
    const shoal_effect *effect = question->effect;
    luaL_checkstack(L, 30, "cannot answer");
    value_push_bytes(L, effect->data);
    shoal_bytes rest = top_bytes(L);
    messaging_push_next(L, &rest);
    messaging_push_next(L, &rest);
    if (lua_type(L, ID) != LUA_TNUMBER || lua_type(L, NAME) != LUA_TSTRING)
        return; /* no question of a node's */
    messaging_push_next(L, &rest);
    if (!push_handler(L, version, NAME)) {
        give_error(L, question, ID, shoal_error_name(SHOAL_ERR_NO_HANDLER));
        return;
    }
    char what[MAX_WHAT];
    snprintf(what, sizeof what, "on_ask.%s", lua_tostring(L, NAME));
    scope_push_self(&version->scope, L);
    lua_pushvalue(L, DATA);
    view_push_member(L, &effect->member, node->clock_offset_us);
    int failure = protected_call(version->scope.caller, L, 3, 1, what);
    if (node->phase != NODE_LIVE)
        return;
    node->ask_counts.answered++;
    if (failure == 0) {
        give_answer(L, question, ID);
        return;
    }
    lua_settop(L, KEPT);
    lua_pushstring(L, protected_last_message(version->scope.caller));
    give_error(L, question, ID, "handler");
}

void replies_give(struct node *node, const shoal_effect *effect)
{
    struct answering question = {.node = node, .effect = effect};
    if (effect->member.id.size > sizeof question.from.data)
        return;
    memcpy(question.from.data, effect->member.id.data, effect->member.id.size);
    question.from.size = effect->member.id.size;
    scope_run(&node->current->scope, answer_in_region, &question, "on_ask");
}
