/* SPDX-License-Identifier: MIT */
/*
 * The server's side. A server keeps its peers in its uservalue, by number below
 * zero (see refs.h), while they are connected; a peer keeps its server in its
 * own. The registry keeps a server while it listens.
 */
#include "control.h"

#include "../host/host.h"
#include "../host/stream.h"
#include "compat.h"
#include "loop.h"
#include "options.h"
#include "owner.h"
#include "refs.h"
#include "rpc.h"
#include "value.h"

#include <string.h>

static const char server_type[] = "shoal.control.server";
static const char peer_type[] = "shoal.control.peer";

struct server {
    stream_server *listener; /* NULL once it is closed */
    struct owner *owner;
    int userdata;       /* reference */
    unsigned busy;      /* callbacks of the listener on the stack */
    uint64_t last_id;   /* of a peer */
    uint64_t malformed; /* messages that are no MessagePack-RPC */
    stream_stats stats; /* at the end */
};

struct peer {
    struct server *server;
    stream *stream; /* NULL: it is gone */
    uint64_t id;
};

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

/* Where it is in the server's uservalue. */
static int key_of(const struct peer *peer)
{
    return (int)-(int64_t)peer->id;
}

/* STACK: values -> values, peer */
static void push_new_peer(lua_State *L, struct server *server,
                          stream *connection)
{
    struct peer *peer = lua_newuserdata(L, sizeof *peer);
    *peer = (struct peer){server, connection, ++server->last_id};
    luaL_getmetatable(L, peer_type);
    lua_setmetatable(L, -2);
    lua_createtable(L, 1, 0);
    refs_push(L, server->userdata);
    lua_rawseti(L, -2, 1);
    lua_setuservalue(L, -2);
    lua_pushvalue(L, -1);
    lua_rawseti(L, -3, key_of(peer));
    stream_set_tag(connection, (uintptr_t)peer);
}

/* STACK: values -> values, peer */
static void push_peer(lua_State *L, struct server *server, stream *connection)
{
    const struct peer *peer = peer_of(connection);
    if (peer)
        lua_rawgeti(L, -1, key_of(peer));
    else
        push_new_peer(L, server, connection);
}

/* ---- Messages ---- */

struct delivery {
    struct server *server;
    stream *stream;
    struct rpc_message message;
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
    dispatch_invoke(&delivery->server->owner->dispatch, L, is_request ? 4 : 3,
                    0);
}

/* A server that is closed meanwhile must stay until its callback returns. */
static void enter(struct server *server)
{
    server->busy++;
}

static void leave(struct server *server)
{
    lua_State *L = server->owner->L;
    server->busy--;
    if (server->busy == 0 && !server->listener)
        refs_free(L, &server->userdata);
}

static void on_message(void *context, stream *connection, shoal_bytes bytes)
{
    struct server *server = context;
    struct owner *owner = server->owner;
    struct delivery delivery = {.server = server, .stream = connection};
    if (!rpc_read(bytes, &delivery.message) ||
        delivery.message.kind == RPC_RESPONSE) {
        server->malformed++;
        stream_close(connection);
        return;
    }
    enter(server);
    if (dispatch_run(&owner->dispatch, owner->L, deliver, &delivery,
                     "control") != 0)
        refuse(&delivery, dispatch_last_message(&owner->dispatch));
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
    dispatch_invoke(&delivery->server->owner->dispatch, L, 1, 0);
}

/* Needs no memory. */
static void forget(lua_State *L, struct server *server, const struct peer *peer)
{
    push_server_values(L, server);
    lua_pushnil(L);
    lua_rawseti(L, -2, key_of(peer));
    lua_pop(L, 1);
}

/* The stream is gone, whether there is memory to tell of it or not. */
static void on_close(void *context, stream *connection)
{
    struct server *server = context;
    struct owner *owner = server->owner;
    struct delivery delivery = {.server = server, .stream = connection};
    struct peer *peer = peer_of(connection);
    if (!peer)
        return;
    peer->stream = NULL;
    enter(server);
    dispatch_run(&owner->dispatch, owner->L, tell_closed, &delivery, "control");
    forget(owner->L, server, peer);
    leave(server);
}

/* ---- The peer in Lua ---- */

static struct peer *check_peer(lua_State *L)
{
    return luaL_checkudata(L, 1, peer_type);
}

/* Sends the message on top of the stack. STACK: message -> boolean */
static int send_message(lua_State *L, struct peer *peer)
{
    shoal_bytes bytes;
    bytes.data = (const uint8_t *)lua_tolstring(L, -1, &bytes.size);
    bool sent = peer->server->listener && peer->stream &&
                stream_send(peer->stream, bytes);
    lua_pushboolean(L, sent);
    return 1;
}

static int respond(lua_State *L)
{
    struct peer *peer = check_peer(L);
    lua_Number id = luaL_checknumber(L, 2);
    luaL_argcheck(L, id >= 0 && id <= UINT32_MAX, 2, "no id of a request");
    lua_settop(L, 4);
    rpc_push_response(L, (uint32_t)id, 3, 4, "peer:respond");
    return send_message(L, peer);
}

static int notify(lua_State *L)
{
    struct peer *peer = check_peer(L);
    lua_settop(L, 3);
    rpc_push_notification(L, 2, 3, "peer:notify");
    return send_message(L, peer);
}

static int peer_id(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)check_peer(L)->id);
    return 1;
}

static int close_peer(lua_State *L)
{
    struct peer *peer = check_peer(L);
    if (peer->server->listener && peer->stream)
        stream_close(peer->stream);
    return 0;
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
    lua_createtable(L, 0, 4);
    lua_pushnumber(L, (lua_Number)numbers.accepted);
    lua_setfield(L, -2, "accepted");
    lua_pushnumber(L, (lua_Number)numbers.refused);
    lua_setfield(L, -2, "refused");
    lua_pushnumber(L, (lua_Number)(numbers.malformed + server->malformed));
    lua_setfield(L, -2, "malformed");
    lua_pushnumber(L, (lua_Number)numbers.cut_off);
    lua_setfield(L, -2, "cut_off");
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

/* control_listen(path, handlers) */
static int listen_at(lua_State *L)
{
    static const char *const names[] = {"on_request", "on_notify", "on_close",
                                        NULL};
    char error[HOST_MAX_ERROR];
    const char *where = luaL_checkstring(L, 1);
    options_check(L, 2, "core.control_listen", names, false);
    for (int i = 0; names[i]; i++)
        if (options_function(L, 2, "core.control_listen", names[i]))
            lua_pop(L, 1);
    lua_settop(L, 2);
    struct server *server = push_server(L);
    server->owner = owner_of(L);
    lua_pushvalue(L, 3);
    server->userdata = refs_new(L);
    stream_callbacks callbacks = {server, on_message, on_close};
    struct ev_loop *loop = loop_try_default(L, error);
    if (loop)
        server->listener = stream_listen(loop, where, &callbacks, error);
    if (server->listener)
        return 1;
    refs_free(L, &server->userdata);
    lua_pushnil(L);
    lua_pushstring(L, error);
    lua_pushliteral(L, "listen");
    return 3;
}

/* ---- Metatables ---- */

static void add_type(lua_State *L, const char *name, const luaL_Reg *methods,
                     lua_CFunction collect)
{
    luaL_newmetatable(L, name);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    if (collect) {
        lua_pushcfunction(L, collect);
        lua_setfield(L, -2, "__gc");
    }
    lua_pop(L, 1);
}

void control_register(lua_State *L)
{
    static const luaL_Reg server_methods[] = {
        {"path", path},
        {"stats", stats},
        {"close", close_server},
        {NULL, NULL},
    };
    static const luaL_Reg peer_methods[] = {
        {"id", peer_id},       {"respond", respond}, {"notify", notify},
        {"close", close_peer}, {NULL, NULL},
    };
    add_type(L, server_type, server_methods, collect_server);
    add_type(L, peer_type, peer_methods, NULL);
    lua_pushcfunction(L, listen_at);
    lua_setfield(L, -2, "control_listen");
}
