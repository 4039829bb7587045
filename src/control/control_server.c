/* SPDX-License-Identifier: MIT */
/*
 * The server's side. A server keeps its peers in its uservalue, by number below
 * zero (see refs.h), while they are connected; a peer keeps its server in its
 * own. The registry keeps a server while it listens.
 */
#include "control.h"

#include "../lua/class.h"

#include "../base/error.h"
#include "../lua/options.h"
#include "../lua/refs.h"
#include "../lua/result.h"
#include "../lua/value.h"
#include "control_access.h"
#include "control_server.h"
#include "rpc.h"
#include "stream.h"

#include <string.h>

static const char server_type[] = "shoal.control.server";

/* So often the log is told. */
static const uint64_t TROUBLES_US = 60u * 1000 * 1000;

/* What the uservalue of a server has besides peers. */
static const char handlers_key[] = "handlers", path_key[] = "path";

/* ---- Peers ---- */

/* Pushes the server's uservalue. */
static void push_server_values(lua_State *L, const struct server *server)
{
    refs_push(L, server->userdata);
    lua_getuservalue(L, -1);
    lua_remove(L, -2);
}

/* NULL: Lua has not heard of it. */
static struct peer *peer_of(const stream *connection)
{
    return (struct peer *)(uintptr_t)stream_tag(connection);
}

/* Pushes where it is in the server's uservalue: a number, since there may have
 * been more peers than an int can count. Needs no memory. */
static void push_key(lua_State *L, const struct peer *peer)
{
    lua_pushnumber(L, -(lua_Number)peer->id);
}

/* STACK: values -> values, peer */
static void push_new_peer(lua_State *L, struct server *server,
                          stream *connection)
{
    struct peer *peer = lua_newuserdata(L, sizeof *peer);
    *peer = (struct peer){server, connection, ++server->last_id};
    luaL_getmetatable(L, control_peer_type);
    lua_setmetatable(L, -2);
    lua_createtable(L, 1, 0);
    refs_push(L, server->userdata);
    lua_rawseti(L, -2, 1);
    lua_setuservalue(L, -2);
    push_key(L, peer);
    lua_pushvalue(L, -2);
    lua_rawset(L, -4);
    stream_set_tag(connection, (uintptr_t)peer);
}

/* STACK: values -> values, peer */
static void push_peer(lua_State *L, struct server *server, stream *connection)
{
    const struct peer *peer = peer_of(connection);
    if (!peer) {
        push_new_peer(L, server, connection);
        return;
    }
    push_key(L, peer);
    lua_rawget(L, -2);
}

/* ---- Messages ---- */

struct delivery {
    struct server *server;
    stream *stream;
    struct rpc_message message;
    shoal_bytes line; /* instead of a message */
};

/* Pushes the handler; false: there is none.
 * STACK: values ... -> values ..., function */
static bool push_handler(lua_State *L, int values, const char *name)
{
    lua_getfield(L, values, handlers_key);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
    return !lua_isnil(L, -1);
}

/* Answers a request, if it is one, with an error; no memory is needed. */
static void refuse(struct delivery *delivery, const char *text)
{
    const struct rpc_message *message = &delivery->message;
    uint8_t response[RPC_MAX_FAILURE];
    if (message->kind != RPC_REQUEST || !delivery->server->listener)
        return;
    size_t size = rpc_write_failure(response, message->id, text);
    stream_send(delivery->stream, (shoal_bytes){response, size});
}

static void deliver(lua_State *L, void *context)
{
    struct delivery *delivery = context;
    const struct rpc_message *message = &delivery->message;
    bool is_request = message->kind == RPC_REQUEST;
    size_t used;
    push_server_values(L, delivery->server);
    int values = lua_gettop(L);
    push_peer(L, delivery->server, delivery->stream);
    if (!push_handler(L, values, is_request ? "on_request" : "on_notify"))
        return;
    lua_insert(L, -2);
    if (is_request)
        lua_pushnumber(L, message->id);
    value_push_bytes(L, message->method);
    if (value_push(L, message->values[0], &used) != 0) {
        refuse(delivery, lua_tostring(L, -1)); /* well-formed, not for Lua */
        return;
    }
    protected_invoke(&delivery->server->program->caller, L, is_request ? 4 : 3,
                     0);
}

/* A server that is closed meanwhile must stay until its callback returns. */
static void enter(struct server *server)
{
    server->busy++;
}

static void leave(struct server *server)
{
    lua_State *L = server->program->L;
    server->busy--;
    if (server->busy == 0 && !server->listener)
        refs_free(L, &server->userdata);
}

static void deliver_line(lua_State *L, void *context)
{
    struct delivery *delivery = context;
    push_server_values(L, delivery->server);
    int values = lua_gettop(L);
    push_peer(L, delivery->server, delivery->stream);
    (void)push_handler(L, values, "on_line");
    lua_insert(L, -2);
    value_push_bytes(L, delivery->line);
    protected_invoke(&delivery->server->program->caller, L, 2, 0);
}

/* What goes wrong is logged; a line has no number to be answered by. */
static void on_line(struct server *server, stream *connection, shoal_bytes line)
{
    struct program *program = server->program;
    struct delivery delivery = {
        .server = server, .stream = connection, .line = line};
    enter(server);
    if (protected_run(&program->caller, program->L, deliver_line, &delivery,
                      "control") != 0 &&
        server->listener)
        stream_close(connection);
    leave(server);
}

static void on_message(void *context, stream *connection, shoal_bytes bytes)
{
    struct server *server = context;
    struct program *program = server->program;
    struct delivery delivery = {.server = server, .stream = connection};
    if (stream_speaks_lines(connection)) {
        on_line(server, connection, bytes);
        return;
    }
    if (!rpc_read(bytes, &delivery.message) ||
        delivery.message.kind == RPC_RESPONSE) {
        server->malformed++;
        stream_close(connection);
        return;
    }
    enter(server);
    if (protected_run(&program->caller, program->L, deliver, &delivery,
                      "control") != 0)
        refuse(&delivery, protected_last_message(&program->caller));
    leave(server);
}

static void tell_closed(lua_State *L, void *context)
{
    struct delivery *delivery = context;
    push_server_values(L, delivery->server);
    int values = lua_gettop(L);
    push_peer(L, delivery->server, delivery->stream);
    if (!push_handler(L, values, "on_close"))
        return;
    lua_insert(L, -2);
    protected_invoke(&delivery->server->program->caller, L, 1, 0);
}

/* Needs no memory. */
static void forget(lua_State *L, struct server *server, const struct peer *peer)
{
    push_server_values(L, server);
    push_key(L, peer);
    lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* The stream is gone, whether there is memory to tell of it or not. */
static void on_close(void *context, stream *connection)
{
    struct server *server = context;
    struct program *program = server->program;
    struct delivery delivery = {.server = server, .stream = connection};
    struct peer *peer = peer_of(connection);
    if (!peer)
        return;
    peer->stream = NULL;
    enter(server);
    protected_run(&program->caller, program->L, tell_closed, &delivery,
                  "control");
    forget(program->L, server, peer);
    leave(server);
}

static void on_trouble(void *context, const char *error)
{
    struct server *server = context;
    struct program *program = server->program;
    uint64_t held_back;
    if (!log_gate_open(&server->troubles, program_now_us(), TROUBLES_US,
                       &held_back))
        return;
    log_line(&program->log, LOG_WARN, LOG_CONTROL, "cannot accept a connection",
             log_str("error", error), log_num("held_back", (double)held_back));
}

/* ---- The server in Lua ---- */

static struct server *check_server(lua_State *L)
{
    return luaL_checkudata(L, 1, server_type);
}

static void stop(struct server *server)
{
    stream_server *listener = server->listener;
    if (!listener)
        return;
    server->stats = stream_server_stats(listener);
    server->stats.connections = server->stats.buffered = 0;
    server->listener = NULL;
    stream_server_close(listener);
}

static int close_server(lua_State *L)
{
    struct server *server = check_server(L);
    bool was_open = server->listener != NULL;
    stop(server);
    if (was_open && server->busy == 0)
        refs_free(L, &server->userdata);
    return 0;
}

static int collect_server(lua_State *L)
{
    stop(lua_touserdata(L, 1)); /* the state is being closed */
    return 0;
}

/* server:publish(peers, method, params): the message is made once for all. */
static int publish(lua_State *L)
{
    check_server(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 4);
    rpc_push_notification(L, 3, 4, "server:publish");
    shoal_bytes message = control_message(L);
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        (void)control_send(luaL_checkudata(L, -1, control_peer_type), message);
        lua_pop(L, 1);
    }
    return 0;
}

static int path(lua_State *L)
{
    check_server(L);
    lua_getuservalue(L, 1);
    lua_getfield(L, -1, path_key);
    return 1;
}

static int stats(lua_State *L)
{
    struct server *server = check_server(L);
    stream_stats numbers = server->listener
                               ? stream_server_stats(server->listener)
                               : server->stats;
    lua_createtable(L, 0, 6);
    value_set_count(L, "accepted", numbers.accepted);
    value_set_count(L, "refused", numbers.refused);
    value_set_count(L, "malformed", numbers.malformed + server->malformed);
    value_set_count(L, "cut_off", numbers.cut_off);
    value_set_count(L, "connections", numbers.connections);
    value_set_count(L, "buffered", numbers.buffered);
    return 1;
}

/* Pushes a server that does not listen yet. */
static struct server *push_server(lua_State *L)
{
    struct server *server = lua_newuserdata(L, sizeof *server);
    memset(server, 0, sizeof *server);
    luaL_getmetatable(L, server_type);
    lua_setmetatable(L, -2);
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, path_key);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, handlers_key);
    lua_setuservalue(L, -2);
    return server;
}

/* control_listen(path, handlers[, access]). Upvalue: a control_loop_fn. */
static int listen_at(lua_State *L)
{
    static const char *const names[] = {"on_request", "on_notify", "on_close",
                                        "on_line", NULL};
    struct error error = {""};
    struct socket_access access;
    bool takes_lines = false;
    const char *where = luaL_checkstring(L, 1);
    options_check(L, 2, "core.control_listen", names, false);
    for (int i = 0; names[i]; i++)
        if (options_function(L, 2, "core.control_listen", names[i])) {
            takes_lines |= strcmp(names[i], "on_line") == 0;
            lua_pop(L, 1);
        }
    if (control_access_read(L, 3, "core.control_listen", &access, &error) != 0)
        return result_fail(L, error.text, CODE_LISTEN);
    lua_settop(L, 2);
    struct server *server = push_server(L);
    server->program = program_of(L);
    lua_pushvalue(L, 3);
    server->userdata = refs_new(L);
    stream_callbacks callbacks = {server, on_message, on_close, on_trouble};
    control_loop_fn *const *loop_for = lua_touserdata(L, lua_upvalueindex(1));
    struct ev_loop *loop = (*loop_for)(L, &error);
    if (loop)
        server->listener =
            stream_listen_for(loop, where, &access, &callbacks, &error);
    if (server->listener && takes_lines)
        stream_server_take_lines(server->listener);
    if (server->listener)
        return 1;
    refs_free(L, &server->userdata);
    return result_fail(L, error.text, CODE_LISTEN);
}

void control_server_register(lua_State *L, control_loop_fn *loop)
{
    static const luaL_Reg server_methods[] = {
        {"path", path},          {"publish", publish}, {"stats", stats},
        {"close", close_server}, {NULL, NULL},
    };
    class_push(L, server_type, server_methods, collect_server);
    lua_pop(L, 1);
    control_register_peer(L);
    *(control_loop_fn **)compat_newblock(L, sizeof loop) = loop;
    lua_pushcclosure(L, listen_at, 1);
    lua_setfield(L, -2, "control_listen");
}
