/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include "../../../base/bytes.h"
#include "../../../lua/arguments.h"
#include "../../../lua/compat.h"
#include "../../../lua/options.h"
#include "../../../lua/refs.h"
#include "../../../lua/result.h"
#include "../../../lua/value.h"
#include "../../engine/command_table.h"
#include "../../engine/messaging.h"
#include "../coroutine.h"
#include "../node.h"
#include "../pending.h"
#include "../waits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 64, MAX_CODE = 64 };
enum { MAX_ANSWER = 1 << 20 /* bytes, of a command: it may go to a client */ };

struct command;
struct beginning;

/* The bytes are those of an answer; `error` counts if there is a code. */
struct outcome {
    uint8_t *bytes; /* NULL: nil */
    size_t size;
    char code[MAX_CODE];
    struct error error;
};

/* Which functions of the handlers are called, and how. */
struct callable {
    const char *who, *table, *what;
    bool is_page; /* a function (node, request) -> status, body, headers */
};

static const struct callable commands = {"node:call", "commands", "command",
                                         false};
static const struct callable pages = {"node:page", "http", "page", true};

/* Its uservalue keeps what is borrowed. */
struct call {
    struct pending base; /* in the scope that calls */
    struct node *node;
    struct command *run;         /* NULL: not yet, or over */
    void *timer;                 /* before it begins, and when it is over */
    struct beginning *beginning; /* while it begins */
    const struct callable *of;
    const char *name; /* borrowed, as are */
    shoal_bytes args;
    struct outcome outcome;
};

struct command {
    struct pending base; /* in the scope of the version */
    struct call *call;   /* NULL: nobody is told */
};

/* ---- The outcome ---- */

static void clear(struct outcome *outcome)
{
    free(outcome->bytes);
    outcome->bytes = NULL;
}

static void set_error(struct outcome *outcome, const char *text,
                      const char *code)
{
    clear(outcome);
    error_fail(&outcome->error, "%s", text);
    snprintf(outcome->code, sizeof outcome->code, "%s", code);
}

static int push_outcome(lua_State *L, void *context)
{
    const struct outcome *outcome = context;
    size_t used;
    if (outcome->code[0] != '\0')
        return result_fail(L, outcome->error.text, outcome->code);
    if (!outcome->bytes)
        lua_pushnil(L);
    else
        (void)value_push(L, bytes_of(outcome->bytes, outcome->size), &used);
    return 1;
}

static void on_over(void *context)
{
    struct call *call = context;
    struct outcome outcome = call->outcome;
    call->outcome.bytes = NULL;
    call->timer = NULL; /* the backend frees it when we return */
    pending_tell(&call->base, push_outcome, &outcome);
    clear(&outcome);
}

/* Whoever says so may run in the state of the one that is to be told: so that
 * is told in the next turn of the loop. false: no memory. */
static bool is_over(struct call *call)
{
    struct backend *backend = call->node->backend;
    call->run = NULL;
    call->timer = backend->ops->timer_new(backend, 0, 0, on_over, call);
    return call->timer != NULL;
}

/* ---- The run ---- */

static void end_run(struct pending *pending)
{
    struct command *run = (struct command *)pending;
    struct call *call = run->call;
    run->call = NULL;
    if (!call)
        return;
    set_error(&call->outcome,
              "the handlers were replaced before the command had answered",
              CODE_REPLACED);
    (void)is_over(call);
}

static const struct pending_kind running = {.what = "command", .end = end_run};

/* Takes the run out of its call. */
static struct call *finish(struct command *run)
{
    struct call *call = run->call;
    run->call = NULL;
    pending_cancel(&run->base);
    return call;
}

/* A message that is no text is a failure all the same.
 * STACK: nil message code */
static void read_failure(lua_State *L, struct outcome *outcome)
{
    const char *code = lua_tostring(L, 3), *message = lua_tostring(L, 2);
    if (!message && lua_isboolean(L, 2))
        message = lua_toboolean(L, 2) ? "true" : "false";
    if (!message)
        message = lua_pushfstring(L, "(the message is a %s value)",
                                  luaL_typename(L, 2));
    set_error(outcome, message, code ? code : CODE_FAILED);
}

/* As `what` answers: a value; or nil, message, code.
 * STACK: results... */
static void read_results(lua_State *L, struct outcome *outcome, bool is_page)
{
    lua_settop(L, 3);
    if (lua_isnil(L, 1)) {
        if (!lua_isnil(L, 2))
            read_failure(L, outcome);
        return;
    }
    if (value_pack(L, 1, "the answer") != 0) {
        set_error(outcome, lua_tostring(L, -1), CODE_HANDLER);
        return;
    }
    size_t size;
    const char *bytes = lua_tolstring(L, -1, &size);
    if (size > MAX_ANSWER && !is_page) {
        char digits[24];
        snprintf(digits, sizeof digits, "%zu", size);
        lua_pushfstring(L, "the answer has %s bytes, more than %d", digits,
                        (int)MAX_ANSWER);
        set_error(outcome, lua_tostring(L, -1),
                  shoal_error_name(SHOAL_ERR_TOO_BIG));
        return;
    }
    outcome->bytes = malloc(size);
    if (!outcome->bytes) {
        luaL_error(L, "not enough memory");
        return;
    }
    memcpy(outcome->bytes, bytes, size);
    outcome->size = size;
}

/* done(results...). Upvalue: the run. */
static int on_done(lua_State *L)
{
    struct command *run = lua_touserdata(L, lua_upvalueindex(1));
    if (run->call) /* if that runs out of memory, on_failure() tells */
        read_results(L, &run->call->outcome, run->call->of->is_page);
    coroutine_on_failure(L, 0);
    if (!run->call) {
        (void)finish(run);
        return 0;
    }
    struct call *call = finish(run);
    return is_over(call) ? 0 : luaL_error(L, "not enough memory");
}

/* (message). Upvalue: the run. */
static int on_failure(lua_State *L)
{
    struct command *run = lua_touserdata(L, lua_upvalueindex(1));
    struct call *call = finish(run);
    if (!call)
        return 0;
    set_error(&call->outcome, lua_tostring(L, 1), CODE_HANDLER);
    return is_over(call) ? 0 : luaL_error(L, "not enough memory");
}

/* begin(). Upvalue: the run. */
static int on_begin(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, on_failure, 1);
    coroutine_on_failure(L, lua_gettop(L));
    return 0;
}

/* ---- Its start ---- */

struct beginning {
    struct call *call; /* NULL: it was cancelled meanwhile */
    struct version *version;
    char what[MAX_NAME + 16];
};

/* Pushes commands[name] and says whether there is such a command. */
static bool push_command(lua_State *L, const struct version *version,
                         const struct call *call)
{
    refs_push(L, version->handlers);
    lua_getfield(L, -1, call->of->table);
    if (!lua_istable(L, -1))
        return false;
    lua_getfield(L, -1, call->name);
    return call->of->is_page ? lua_isfunction(L, -1) : lua_istable(L, -1);
}

static void fail(lua_State *L, struct call *call, const char *text,
                 const char *code)
{
    if (!call)
        return;
    set_error(&call->outcome, text, code);
    if (!is_over(call))
        luaL_error(L, "not enough memory");
}

/* STACK: function -> run */
static void push_run(lua_State *L, struct beginning *beginning)
{
    struct command *run = pending_new(L, sizeof *run, &running);
    pending_begin(L, &run->base, &beginning->version->scope, lua_gettop(L) - 1);
    lua_remove(L, -2);
    run->call = beginning->call;
    if (run->call)
        run->call->run = run;
}

static void push_closure(lua_State *L, int run, lua_CFunction function)
{
    lua_pushvalue(L, run);
    lua_pushcclosure(L, function, 1);
}

static void push_function(lua_State *L, int command, bool is_page)
{
    if (is_page)
        lua_pushvalue(L, command);
    else
        lua_getfield(L, command, "run");
}

/* STACK: command args */
static void start_run(lua_State *L, struct beginning *beginning, bool is_page)
{
    struct scope *scope = &beginning->version->scope;
    int args = lua_gettop(L), command = args - 1, run = args + 1;
    push_function(L, command, is_page);
    push_run(L, beginning);
    if (is_page)
        command_table_push_page_body(L);
    else
        command_table_push_body(L);
    scope_push_self(scope, L);
    lua_pushvalue(L, args);
    push_function(L, command, is_page);
    push_closure(L, run, on_begin);
    push_closure(L, run, on_done);
    coroutine_prepare_new(L, 5);
    protected_invoke(scope->caller, L, 6, 0);
}

static void begin_in_region(lua_State *L, void *context)
{
    struct beginning *beginning = context;
    struct call *call = beginning->call;
    size_t used;
    luaL_checkstack(L, 30, "cannot run a command");
    bool is_page = call->of->is_page;
    if (!push_command(L, beginning->version, call)) {
        lua_pushfstring(L, "there is no %s '%s'", call->of->what, call->name);
        fail(L, beginning->call, lua_tostring(L, -1),
             shoal_error_name(SHOAL_ERR_NO_HANDLER));
        return;
    }
    int command = lua_gettop(L);
    if (value_push(L, call->args, &used) != 0)
        lua_error(L);
    if (is_page) {
        start_run(L, beginning, true);
        return;
    }
    lua_pushvalue(L, command);
    if (command_table_take(L) == 1)
        start_run(L, beginning, false);
    else
        fail(L, beginning->call, lua_tostring(L, -1), CODE_ARGUMENTS);
}

/* It raised before the command could: what that raises, on_failure() tells. */
static void tell_trouble(struct call *call, const struct scope *scope)
{
    if (call->run)
        (void)finish(call->run);
    set_error(&call->outcome, protected_last_message(scope->caller),
              CODE_HANDLER);
    (void)is_over(call);
}

static void on_turn(void *context)
{
    struct call *call = context;
    struct node *node = call->node;
    struct beginning beginning = {.call = call, .version = node->current};
    struct scope *scope = &beginning.version->scope;
    call->timer = NULL; /* the backend frees it when we return */
    call->beginning = &beginning;
    snprintf(beginning.what, sizeof beginning.what, "%s.%s", call->of->table,
             call->name);
    int failure = scope_run(scope, begin_in_region, &beginning, beginning.what);
    if (beginning.call) {
        call->beginning = NULL;
        if (failure != 0 && !call->timer)
            tell_trouble(call, scope);
    }
    waits_check(node);
}

/* ---- The call ---- */

static void end_call(struct pending *pending)
{
    struct call *call = (struct call *)pending;
    struct backend *backend = call->node->backend;
    if (call->timer)
        backend->ops->timer_cancel(backend, call->timer);
    call->timer = NULL;
    if (call->run)
        call->run->call = NULL;
    call->run = NULL;
    if (call->beginning)
        call->beginning->call = NULL;
    clear(&call->outcome);
    call->node->num_calls--;
}

static const struct pending_kind calling = {.what = "call", .end = end_call};

/* node name fn -> node name nil fn. A function at 4, or nil. */
static void check_arguments(lua_State *L, const char *who)
{
    size_t size;
    if (lua_isfunction(L, 3) && lua_isnoneornil(L, 4)) {
        lua_settop(L, 3);
        lua_pushnil(L);
        lua_insert(L, 3);
    }
    lua_settop(L, 4);
    arguments_string(L, 2, who, &size);
    if (size == 0 || size > MAX_NAME)
        luaL_error(L, "%s: the name must have 1 to %d bytes", who, MAX_NAME);
    if (lua_isnil(L, 3)) {
        lua_newtable(L);
        lua_replace(L, 3);
    }
    arguments_table(L, 3, who);
    if (!coroutine_waits(L, 4, who) && !lua_isfunction(L, 4))
        arguments_fail(L, 4, who, "a function");
}

/* STACK: node name args fn -> node name args fn call */
static struct call *push_call(lua_State *L, struct scope *scope,
                              const struct callable *of)
{
    struct call *call = pending_new(L, sizeof *call, &calling);
    call->node = scope->node;
    call->of = of;
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, 2);
    call->name = lua_tostring(L, -1);
    lua_rawseti(L, -2, 1);
    call->args = messaging_pack(L, 3, of->who);
    lua_rawseti(L, -2, 2);
    lua_setuservalue(L, 5);
    return call;
}

static int begin(lua_State *L, struct scope *scope, const struct callable *of)
{
    struct node *node = scope->node;
    struct backend *backend = node->backend;
    check_arguments(L, of->who);
    if (node->phase != NODE_LIVE)
        return result_fail(L, "the node is closing", CODE_CLOSED);
    if (node->num_calls == CALLS_MAX)
        return result_fail(L, "too many commands are under way",
                           shoal_error_name(SHOAL_ERR_FULL));
    struct call *call = push_call(L, scope, of);
    node->num_calls++; /* before it can end */
    pending_begin(L, &call->base, scope, lua_isnil(L, 4) ? 0 : 4);
    call->timer = backend->ops->timer_new(backend, 0, 0, on_turn, call);
    if (!call->timer) {
        pending_cancel(&call->base);
        return luaL_error(L, "not enough memory");
    }
    return lua_isnil(L, 4) ? coroutine_yield(L) : 1;
}

int calls_begin(lua_State *L, struct scope *scope)
{
    return begin(L, scope, &commands);
}

int calls_begin_page(lua_State *L, struct scope *scope)
{
    return begin(L, scope, &pages);
}

/* ---- The list ---- */

static void push_list(lua_State *L, const struct version *version)
{
    refs_push(L, version->handlers);
    lua_getfield(L, -1, "commands");
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
    command_table_push_list(L, -1);
}

/* On its way to another state: the bytes are those of a string that the one it
 * leaves keeps in the version's slot for that. */
struct listing {
    struct version *version;
    shoal_bytes bytes;
};

static void pack_list(lua_State *L, void *context)
{
    struct listing *listing = context;
    luaL_checkstack(L, 20, "cannot list the commands");
    push_list(L, listing->version);
    listing->bytes = messaging_pack(L, -1, "commands");
    refs_set(L, listing->version->parcel);
}

static void forget_list(const struct version *version)
{
    lua_State *L = scope_state(&version->scope);
    lua_pushboolean(L, false);
    refs_set(L, version->parcel);
}

static int copy_list(lua_State *L, struct version *version)
{
    struct listing listing = {.version = version};
    size_t used;
    if (scope_run(&version->scope, pack_list, &listing, "commands") != 0)
        return luaL_error(L, "node:commands: %s",
                          protected_last_message(version->scope.caller));
    if (value_push(L, listing.bytes, &used) != 0)
        return lua_error(L);
    forget_list(version);
    return 1;
}

int calls_push_list(lua_State *L, struct scope *scope)
{
    struct version *version = scope->node->current;
    if (scope->L != version->scope.L)
        return copy_list(L, version);
    push_list(L, version);
    return 1;
}
