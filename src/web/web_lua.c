/* SPDX-License-Identifier: MIT */
#include "web_lua.h"

#include "../base/error.h"
#include "../control/control_access.h"
#include "../lua/class.h"
#include "../lua/options.h"
#include "../lua/program.h"
#include "../lua/refs.h"
#include "../lua/result.h"
#include "../lua/value.h"
#include "exchange.h"
#include "web.h"

#include <string.h>

static const char server_type[] = "shoal.web.server";
static const char who[] = "core.web_listen";

/* So often the log is told. */
static const uint64_t TROUBLES_US = 60u * 1000 * 1000;

struct http_server {
    web_server *listener; /* NULL once it is to be closed */
    struct program *program;
    int self;        /* reference, while the listener lives */
    bool is_leaving; /* its state is being closed: nobody is told */
    char place[300];
    web_stats stats; /* at the end */
    log_gate troubles;
};

/* A callback that is to run in Lua. */
struct web_delivery {
    struct http_server *server;
    web_request *request;
};

/* ---- From the server ---- */

/* Pushes the handler; false: there is none. */
static bool push_handler(lua_State *L, const struct http_server *server,
                         const char *name)
{
    refs_push(L, server->self);
    lua_getuservalue(L, -1);
    lua_getfield(L, -1, name);
    lua_replace(L, -3);
    lua_pop(L, 1);
    return !lua_isnil(L, -1);
}

static void deliver(lua_State *L, void *context)
{
    const struct web_delivery *delivery = context;
    web_request *request = delivery->request;
    (void)push_handler(L, delivery->server, "on_request");
    exchange_push_new(L, request);
    lua_pushstring(L, web_method(request));
    lua_pushstring(L, web_uri(request));
    value_push_bytes(L, web_body(request));
    protected_invoke(&delivery->server->program->caller, L, 4, 0);
}

static void answer_failure(web_request *request)
{
    struct web_response *response =
        web_response_new((shoal_bytes){(const uint8_t *)"it failed\n", 10});
    if (!response || !web_respond(request, 500, response))
        web_drop(request); /* rather than have it wait for ever */
}

/* What goes wrong is logged. */
static void on_request(void *context, web_request *request)
{
    struct http_server *server = context;
    struct program *program = server->program;
    struct web_delivery delivery = {server, request};
    if (protected_run(&program->caller, program->L, deliver, &delivery,
                      "http") != 0)
        answer_failure(request);
}

static void tell_over(lua_State *L, void *context)
{
    const struct web_delivery *delivery = context;
    const struct exchange *exchange = web_tag(delivery->request);
    if (!push_handler(L, delivery->server, "on_over"))
        return;
    refs_push(L, exchange->self);
    protected_invoke(&delivery->server->program->caller, L, 1, 0);
}

static void on_over(void *context, web_request *request)
{
    struct http_server *server = context;
    struct program *program = server->program;
    struct web_delivery delivery = {server, request};
    struct exchange *exchange = web_tag(request);
    if (!exchange)
        return;
    exchange->request = NULL;
    if (server->is_leaving)
        return;
    (void)protected_run(&program->caller, program->L, tell_over, &delivery,
                        "http");
    exchange_over(program->L, exchange);
}

static void on_closed(void *context)
{
    struct http_server *server = context;
    if (!server->is_leaving)
        refs_free(server->program->L, &server->self);
}

static void on_trouble(void *context, const char *error)
{
    struct http_server *server = context;
    struct program *program = server->program;
    uint64_t held_back;
    if (!log_gate_open(&server->troubles, program_now_us(), TROUBLES_US,
                       &held_back))
        return;
    log_line(&program->log, LOG_WARN, LOG_CONTROL,
             "cannot accept an HTTP connection", log_str("error", error),
             log_num("held_back", (double)held_back));
}

/* ---- In Lua ---- */

static struct http_server *check_server(lua_State *L)
{
    return luaL_checkudata(L, 1, server_type);
}

static void stop(struct http_server *server)
{
    web_server *listener = server->listener;
    if (!listener)
        return;
    server->stats = web_get_stats(listener);
    server->stats.connections = 0;
    server->listener = NULL;
    web_close(listener);
}

static int close_server(lua_State *L)
{
    stop(check_server(L));
    return 0;
}

static int collect_server(lua_State *L)
{
    struct http_server *server = lua_touserdata(L, 1);
    server->is_leaving = true;
    stop(server);
    return 0;
}

static int place(lua_State *L)
{
    lua_pushstring(L, check_server(L)->place);
    return 1;
}

static int stats(lua_State *L)
{
    struct http_server *server = check_server(L);
    web_stats numbers =
        server->listener ? web_get_stats(server->listener) : server->stats;
    lua_createtable(L, 0, 5);
    value_set_count(L, "accepted", numbers.accepted);
    value_set_count(L, "refused", numbers.refused);
    value_set_count(L, "requests", numbers.requests);
    value_set_count(L, "cut_off", numbers.cut_off);
    value_set_count(L, "connections", numbers.connections);
    return 1;
}

static struct http_server *push_server(lua_State *L)
{
    struct http_server *server = lua_newuserdata(L, sizeof *server);
    memset(server, 0, sizeof *server);
    luaL_getmetatable(L, server_type);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, 2);
    lua_setuservalue(L, -2);
    return server;
}

/* The options of a path are those of a socket. */
static int read_options(lua_State *L, web_options *options, struct error *error)
{
    static const char *const names[] = {"public", "token_file", "mode",
                                        "group",  "user",       "idle",
                                        "arrive", "write",      NULL};
    static const char *const access[] = {"mode", "group", "user", NULL};
    options_check(L, 3, who, names, true);
    options->is_public = options_boolean(L, 3, who, "public", false);
    options->token_file = options_string(L, 3, who, "token_file", NULL);
    options->idle_s = options_number(L, 3, who, "idle", 0);
    options->arrive_s = options_number(L, 3, who, "arrive", 0);
    options->write_s = options_number(L, 3, who, "write", 0);
    lua_newtable(L);
    for (int i = 0; access[i]; i++) {
        options_get(L, 3, access[i]);
        lua_setfield(L, -2, access[i]);
    }
    return control_access_read(L, lua_gettop(L), who, &options->access, error);
}

/* web_listen(where, handlers[, options]). Upvalue: a control_loop_fn. */
static int listen_at(lua_State *L)
{
    static const char *const names[] = {"on_request", "on_over", NULL};
    struct error error = {""};
    web_options options;
    const char *where = luaL_checkstring(L, 1);
    options_check(L, 2, who, names, false);
    for (int i = 0; names[i]; i++)
        if (options_function(L, 2, who, names[i]))
            lua_pop(L, 1);
    lua_settop(L, 3);
    if (read_options(L, &options, &error) != 0)
        return result_fail(L, error.text, CODE_LISTEN);
    struct http_server *server = push_server(L);
    server->program = program_of(L);
    lua_pushvalue(L, -1);
    server->self = refs_new(L);
    web_callbacks callbacks = {server, on_request, on_over, on_trouble,
                               on_closed};
    control_loop_fn *const *loop_for = lua_touserdata(L, lua_upvalueindex(1));
    struct ev_loop *loop = (*loop_for)(L, &error);
    if (loop)
        server->listener =
            web_listen(loop, where, &options, &callbacks, &error);
    if (!server->listener) {
        refs_free(L, &server->self);
        return result_fail(L, error.text, CODE_LISTEN);
    }
    strncpy(server->place, web_place(server->listener),
            sizeof server->place - 1);
    return 1;
}

void web_register(lua_State *L, control_loop_fn *loop)
{
    static const luaL_Reg methods[] = {
        {"place", place},
        {"stats", stats},
        {"close", close_server},
        {NULL, NULL},
    };
    class_push(L, server_type, methods, collect_server);
    lua_pop(L, 1);
    exchange_register(L);
    *(control_loop_fn **)compat_newblock(L, sizeof loop) = loop;
    lua_pushcclosure(L, listen_at, 1);
    lua_setfield(L, -2, "web_listen");
}
