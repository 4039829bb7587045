/* SPDX-License-Identifier: MIT */
/*
 * Each question is a region (protected_call.h) that pushes the function and its
 * arguments, calls it, and checks and copies the answer, so that nothing that
 * Lua raises passes through the engine.
 *
 * The userdata's uservalue is the *answers* table: the functions, `self`, and
 * the last answers, whose bytes the engine borrows until the next question. A
 * set does not keep itself alive: the state's weak table finds the userdata of
 * a set by its number, so that an engine whose handlers mention the engine can
 * be collected.
 */
#include "questions.h"
#include "../../base/bytes.h"

#include "../../base/error.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/refs.h"
#include "../../lua/templates.h"
#include "../../lua/value.h"
#include "answers.h"
#include "codec.h"
#include "view.h"

#include <stdio.h>
#include <string.h>

void questions_push(questions *q, lua_State *L, question_id which)
{
    answers_push(q, L);
    lua_rawgeti(L, -1, (int)which + 1);
    lua_remove(L, -2);
}

/* The answer to a yes-or-no question is on top of the stack. */
static bool check_boolean(lua_State *L)
{
    if (!lua_isboolean(L, -1) && !lua_isnil(L, -1))
        luaL_error(L, "must return true, false or nil, got %s",
                   options_describe(L, -1));
    return lua_toboolean(L, -1);
}

static bool is_none(lua_State *L, int index)
{
    return lua_isnil(L, index) ||
           (lua_isboolean(L, index) && !lua_toboolean(L, index));
}

/* NOMEM stays what it is, everything else becomes `kind`. */
static int as(int error, shoal_error kind)
{
    return error == 0 || error == SHOAL_ERR_NOMEM ? error : (int)kind;
}

/* ---- Identity ---- */

struct about_identity {
    questions *q;
    shoal_bytes id, other;
    shoal_bytes addr, endpoint; /* answers */
    uint8_t *out;
    size_t *size;
    const char *at;
    bool yes;
};

/* Bytes that Lua would see as something else than they are never get in. */
static int check_identity(questions *q, shoal_bytes id)
{
    const char *problem = value_check_canonical(id);

    if (!problem)
        return 0;
    error_fail(&q->error, "an identity is not canonical: %s", problem);
    return SHOAL_ERR_IDENTITY;
}

/* The door's part of it. */
static int check_place(questions *q, shoal_bytes endpoint, bool is_stock)
{
    return q->door && q->door->check_place(q->door_context, endpoint, is_stock,
                                           &q->error) != 0
               ? SHOAL_ERR_IDENTITY
               : 0;
}

static int stock_addr(void *context, shoal_bytes id, uint8_t *room,
                      shoal_bytes *addr, shoal_bytes *endpoint)
{
    questions *q = context;
    int error = check_identity(q, id);

    if (!error)
        error = shoal_stock_identity().addr(NULL, id, room, addr, endpoint);
    return error ? error : check_place(q, *endpoint, true);
}

static void run_addr(lua_State *L, void *context)
{
    struct about_identity *about = context;

    answers_begin(about->q, L, QUESTION_ADDR);
    value_push_identity(L, about->id);
    answers_invoke(about->q, L, 1);
    if (value_to_addr(L, -1, "its answer"))
        lua_error(L);
    about->yes = lua_type(L, -2) == LUA_TSTRING;
    about->addr = answers_keep(L, ANSWERS_ADDR);
}

static void run_endpoint(lua_State *L, void *context)
{
    struct about_identity *about = context;

    answers_begin(about->q, L, QUESTION_ENDPOINT);
    value_push_identity(L, about->id);
    answers_invoke(about->q, L, 1);
    if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0 ||
        lua_rawlen(L, -1) > SHOAL_MAX_IDENTITY)
        luaL_error(L, "must return a string of 1 to %d bytes, got %s",
                   SHOAL_MAX_IDENTITY, options_describe(L, -1));
    about->endpoint = answers_keep(L, ANSWERS_ENDPOINT);
}

static int ask_addr(void *context, shoal_bytes id, uint8_t *room,
                    shoal_bytes *addr, shoal_bytes *endpoint)
{
    questions *q = context;
    struct about_identity about = {.q = q, .id = id};
    int error = check_identity(q, id);

    (void)room; /* Lua keeps its answers (answers.h) */
    if (!error)
        error = answers_ask(q, QUESTION_ADDR, run_addr, &about);
    if (!error && about.yes) /* a string is an endpoint, too */
        about.endpoint = about.addr;
    if (!error && q->has[QUESTION_ENDPOINT])
        error = answers_ask(q, QUESTION_ENDPOINT, run_endpoint, &about);
    if (!error)
        error = check_place(q, about.endpoint, false);
    if (error)
        return as(error, SHOAL_ERR_IDENTITY);
    *addr = about.addr;
    *endpoint = about.endpoint;
    return 0;
}

static void check_answered_identity(lua_State *L, struct about_identity *about)
{
    value_identity id;

    if (value_to_identity(L, -1, "its answer", &id))
        lua_error(L);
    memcpy(about->out, id.data, id.size);
    *about->size = id.size;
}

static void run_renew(lua_State *L, void *context)
{
    struct about_identity *about = context;

    answers_begin(about->q, L, QUESTION_RENEW);
    value_push_identity(L, about->id);
    if (about->other.size > 0)
        value_push_identity(L, about->other);
    answers_invoke(about->q, L, 1 + (about->other.size > 0));
    about->yes = !is_none(L, -1);
    if (about->yes)
        check_answered_identity(L, about);
}

static int ask_renew(void *context, shoal_bytes id, shoal_bytes adversary,
                     uint8_t *out, size_t *size)
{
    questions *q = context;
    struct about_identity about = {
        .q = q, .id = id, .other = adversary, .out = out, .size = size};
    int error = 0;

    if (q->has[QUESTION_RENEW])
        error = answers_ask(q, QUESTION_RENEW, run_renew, &about);
    return error ? as(error, SHOAL_ERR_IDENTITY) : about.yes;
}

static void run_wins(lua_State *L, void *context)
{
    struct about_identity *about = context;

    answers_begin(about->q, L, QUESTION_WINS);
    value_push_identity(L, about->id);
    value_push_identity(L, about->other);
    protected_invoke(about->q->caller, L, 2, 1);
    about->yes = check_boolean(L);
}

static int ask_wins(void *context, shoal_bytes id, shoal_bytes adversary)
{
    questions *q = context;
    struct about_identity about = {.q = q, .id = id, .other = adversary};
    int error = 0;

    if (q->has[QUESTION_WINS])
        error = answers_ask(q, QUESTION_WINS, run_wins, &about);
    return error ? as(error, SHOAL_ERR_IDENTITY) : about.yes;
}

static void run_at(lua_State *L, void *context)
{
    struct about_identity *about = context;

    answers_begin(about->q, L, QUESTION_AT);
    lua_pushstring(L, about->at);
    answers_invoke(about->q, L, 1);
    check_answered_identity(L, about);
}

int questions_at(questions *q, const char *endpoint, uint8_t *out, size_t *size)
{
    struct about_identity about = {
        .q = q, .at = endpoint, .out = out, .size = size};
    shoal_bytes addr = bytes_of_text(endpoint);

    if (q->has[QUESTION_AT])
        return as(answers_ask(q, QUESTION_AT, run_at, &about),
                  SHOAL_ERR_IDENTITY);
    if (!q->has[QUESTION_ADDR])
        return shoal_stock_identity_new(addr, 0, out, size);
    error_fail(&q->error, "identity.at is missing, which joining '%s' needs",
               endpoint);
    return SHOAL_ERR_IDENTITY;
}

/* ---- Broadcast ---- */

struct about_item {
    questions *q;
    shoal_bytes data, sender, key, other;
    const shoal_member *member;
    bool yes;
};

static void run_receive(lua_State *L, void *context)
{
    struct about_item *item = context;
    protected_caller *caller = item->q->caller;

    answers_begin(item->q, L, QUESTION_RECEIVE);
    refs_push(L, caller->templates->receive);
    lua_pushvalue(L, 2);
    lua_rawgeti(L, 1, ANSWERS_SELF);
    value_push_bytes(L, item->data);
    if (item->sender.size > 0)
        templates_push_identity(L, item->sender);
    else
        lua_settop(L, lua_gettop(L) + TEMPLATES_IDENTITY_ARGS);
    protected_invoke_template(caller, L, 2, 3 + TEMPLATES_IDENTITY_ARGS, 1);
    item->yes = !is_none(L, -1);
    if (!item->yes)
        return;
    if (value_pack(L, -1, "its answer"))
        lua_error(L);
    item->key = answers_keep(L, ANSWERS_KEY);
}

static int ask_receive(void *context, shoal_bytes data, shoal_bytes sender,
                       shoal_bytes *key)
{
    questions *q = context;
    struct about_item item = {.q = q, .data = data, .sender = sender};
    int error = answers_ask(q, QUESTION_RECEIVE, run_receive, &item);

    *key = item.key;
    return error ? as(error, SHOAL_ERR_BROADCAST) : item.yes;
}

static void run_invalidates(lua_State *L, void *context)
{
    struct about_item *item = context;

    answers_begin(item->q, L, QUESTION_INVALIDATES);
    value_push_identity(L, item->key);
    value_push_identity(L, item->other);
    protected_invoke(item->q->caller, L, 2, 1);
    item->yes = check_boolean(L);
}

static int ask_invalidates(void *context, shoal_bytes key, shoal_bytes other)
{
    questions *q = context;
    struct about_item item = {.q = q, .key = key, .other = other};
    int error = answers_ask(q, QUESTION_INVALIDATES, run_invalidates, &item);

    return error ? as(error, SHOAL_ERR_BROADCAST) : item.yes;
}

static void run_wanted_by(lua_State *L, void *context)
{
    struct about_item *item = context;

    answers_begin(item->q, L, QUESTION_WANTED_BY);
    lua_rawgeti(L, 1, ANSWERS_SELF);
    view_push_member(L, item->member, item->q->clock_offset_us);
    protected_invoke(item->q->caller, L, 2, 1);
    item->yes = check_boolean(L);
}

static int ask_wanted_by(void *context, const shoal_member *member)
{
    questions *q = context;
    struct about_item item = {.q = q, .member = member};
    int error = answers_ask(q, QUESTION_WANTED_BY, run_wanted_by, &item);

    return error ? as(error, SHOAL_ERR_BROADCAST) : item.yes;
}

/* ---- Tags ---- */

struct about_tags {
    questions *q;
    const shoal_member *member;
    shoal_bytes tags;
    bool yes;
};

static void run_check_tags(lua_State *L, void *context)
{
    struct about_tags *about = context;

    answers_begin(about->q, L, QUESTION_CHECK_TAGS);
    view_push_member(L, about->member, about->q->clock_offset_us);
    templates_push_tags(L, about->tags);
    if (lua_isnil(L, -1))
        luaL_error(L, "the tags are no map that Lua can represent");
    protected_invoke(about->q->caller, L, 2, 1);
    about->yes = lua_isnil(L, -1) || check_boolean(L);
}

static int ask_check_tags(void *context, const shoal_member *member,
                          shoal_bytes tags)
{
    questions *q = context;
    struct about_tags about = {.q = q, .member = member, .tags = tags};
    int error = answers_ask(q, QUESTION_CHECK_TAGS, run_check_tags, &about);

    return error ? as(error, SHOAL_ERR_MALFORMED) : about.yes;
}

/* ---- Admission ---- */

struct about_newcomer {
    questions *q;
    shoal_bytes id, endpoint;
    bool yes;
};

/* A function that forgets to answer must not let everybody in. */
static void run_admit(lua_State *L, void *context)
{
    struct about_newcomer *about = context;

    answers_begin(about->q, L, QUESTION_ADMIT);
    lua_rawgeti(L, 1, ANSWERS_SELF);
    value_push_identity(L, about->id);
    value_push_bytes(L, about->endpoint);
    protected_invoke(about->q->caller, L, 3, 1);
    if (!lua_isboolean(L, -1))
        luaL_error(L, "must return true or false, got %s",
                   options_describe(L, -1));
    about->yes = lua_toboolean(L, -1);
}

static int ask_admit(void *context, shoal_bytes id, shoal_bytes endpoint)
{
    questions *q = context;
    struct about_newcomer about = {.q = q, .id = id, .endpoint = endpoint};
    int error;

    if (q->door && !q->door->allows(q->door_context, endpoint))
        return 0;
    if (!q->has[QUESTION_ADMIT])
        return 1;
    error = answers_ask(q, QUESTION_ADMIT, run_admit, &about);
    return error ? as(error, SHOAL_ERR_NOT_ADMITTED) : about.yes;
}

/* ---- The C side ---- */

static shoal_identity_questions identity_questions(questions *q)
{
    shoal_identity_questions identity = shoal_stock_identity();

    identity.addr = stock_addr;
    if (q->has[QUESTION_ADDR]) {
        identity.addr = ask_addr;
        identity.renew = ask_renew;
        identity.wins = ask_wins;
    }
    identity.context = q;
    return identity;
}

shoal_handlers questions_handlers(questions *q)
{
    shoal_handlers handlers = {
        .identity = identity_questions(q),
        .broadcast = {.context = q},
        .tags = {.context = q},
        .admission = {.context = q},
        .codec = shoal_default_codec(),
    };

    if (q->has[QUESTION_RECEIVE])
        handlers.broadcast.receive = ask_receive;
    if (q->has[QUESTION_INVALIDATES])
        handlers.broadcast.invalidates = ask_invalidates;
    if (q->has[QUESTION_WANTED_BY])
        handlers.broadcast.wanted_by = ask_wanted_by;
    if (q->has[QUESTION_CHECK_TAGS])
        handlers.tags.check = ask_check_tags;
    if (q->has[QUESTION_ADMIT] || q->door)
        handlers.admission.admit = ask_admit;
    if (q->has[QUESTION_DECODE_HEADER])
        handlers.codec = codec_questions(q);
    return handlers;
}

lua_State *questions_use(questions *q, lua_State *L)
{
    lua_State *before = q->L;

    luaL_checkstack(L, 4, "cannot ask");
    q->L = L;
    return before;
}
