/* SPDX-License-Identifier: MIT */
/*
 * The client's side, which blocks: for commands that ask a running node. The
 * uservalue is a queue of notifications that came while a call waited, numbered
 * from `first` to `last`: downwards, below zero (see refs.h).
 */
#include "control.h"

#include "../base/clock.h"
#include "../base/error.h"
#include "../lua/class.h"
#include "../lua/compat.h"
#include "../lua/options.h"
#include "../lua/result.h"
#include "../lua/value.h"
#include "rpc.h"
#include "stream.h"

#include <limits.h>
#include <string.h>

static const char client_type[] = "shoal.control.client";

struct client {
    stream_client *stream; /* NULL once it is closed */
    uint32_t last_id;
    int first, last; /* of the queue; empty when first < last */
};

static struct client *check_open(lua_State *L)
{
    struct client *client = luaL_checkudata(L, 1, client_type);
    if (!client->stream)
        luaL_error(L, "the connection is closed");
    return client;
}

/* ---- Time ---- */

static uint64_t check_deadline(lua_State *L, int arg)
{
    if (lua_isnoneornil(L, arg))
        return SHOAL_NEVER;
    return clock_monotonic_us() + options_check_time(L, arg, "timeout");
}

/* For stream_client_receive(): rounded up, -1 for ever. */
static int milliseconds_until(uint64_t deadline_us)
{
    uint64_t now = clock_monotonic_us();
    if (deadline_us == SHOAL_NEVER)
        return -1;
    if (deadline_us <= now)
        return 0;
    uint64_t ms = (deadline_us - now + 999) / 1000;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* ---- Messages ---- */

/* The next message: 0, or pushes nil, message, code and returns 3. */
static int receive(lua_State *L, struct client *client, uint64_t deadline_us,
                   struct rpc_message *message)
{
    struct error error;
    shoal_bytes bytes;
    int got = stream_client_receive(
        client->stream, milliseconds_until(deadline_us), &bytes, &error);
    if (got == 0)
        return result_fail(L, "the node has closed the connection",
                           CODE_CLOSED);
    if (got == STREAM_TIMEOUT)
        return result_fail(L, error.text, CODE_TIMEOUT);
    if (got < 0)
        return result_fail(L, error.text, CODE_CLOSED);
    if (!rpc_read(bytes, message))
        return result_fail(L, "the answer is not MessagePack-RPC",
                           shoal_error_name(SHOAL_ERR_MALFORMED));
    return 0;
}

static void push_value(lua_State *L, shoal_bytes bytes)
{
    size_t used;
    if (value_push(L, bytes, &used) != 0)
        lua_error(L);
}

/* ---- The queue ---- */

static void keep_notification(lua_State *L, struct client *client,
                              const struct rpc_message *message)
{
    lua_getuservalue(L, 1);
    lua_createtable(L, 2, 0);
    value_push_bytes(L, message->method);
    lua_rawseti(L, -2, 1);
    push_value(L, message->values[0]);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, client->last - 1);
    client->last--;
    lua_pop(L, 1);
}

/* Pushes method and params. */
static int take_notification(lua_State *L, struct client *client)
{
    lua_getuservalue(L, 1);
    lua_rawgeti(L, -1, client->first);
    lua_pushnil(L);
    lua_rawseti(L, -3, client->first--);
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    return 2;
}

/* ---- In Lua ---- */

/* What a response says: the result, or nil, error, "remote". */
static int push_outcome(lua_State *L, const struct rpc_message *message)
{
    push_value(L, message->values[0]);
    if (!lua_isnil(L, -1))
        return result_fail_pushed(L, CODE_REMOTE);
    push_value(L, message->values[1]);
    if (lua_isnil(L, -1))
        lua_pushboolean(L, true);
    return 1;
}

/* Sends the request with the next id: 0, or as receive(). */
static int send_request(lua_State *L, struct client *client)
{
    struct error error;
    shoal_bytes bytes;
    rpc_push_request(L, ++client->last_id, 2, 3, "client:call");
    bytes.data = (const uint8_t *)lua_tolstring(L, -1, &bytes.size);
    if (stream_client_send(client->stream, bytes, &error) != 0)
        return result_fail(L, error.text, CODE_CLOSED);
    lua_pop(L, 1);
    return 0;
}

/* call(method, params, timeout) */
static int call(lua_State *L)
{
    struct client *client = check_open(L);
    struct rpc_message message;
    lua_settop(L, 4);
    if (lua_isnil(L, 3)) {
        lua_newtable(L);
        lua_replace(L, 3);
    }
    uint64_t deadline_us = check_deadline(L, 4);
    int failure = send_request(L, client);
    while (failure == 0) {
        failure = receive(L, client, deadline_us, &message);
        if (failure != 0)
            break;
        if (message.kind == RPC_NOTIFICATION)
            keep_notification(L, client, &message);
        else if (message.kind == RPC_RESPONSE && message.id == client->last_id)
            return push_outcome(L, &message);
        /* else it answers a call that was given up */
    }
    return failure;
}

/* receive(timeout) */
static int receive_notification(lua_State *L)
{
    struct client *client = check_open(L);
    struct rpc_message message;
    uint64_t deadline_us = check_deadline(L, 2);
    if (client->first >= client->last)
        return take_notification(L, client);
    do {
        int failure = receive(L, client, deadline_us, &message);
        if (failure != 0)
            return failure;
    } while (message.kind != RPC_NOTIFICATION);
    value_push_bytes(L, message.method);
    push_value(L, message.values[0]);
    return 2;
}

static int close_client(lua_State *L)
{
    struct client *client = luaL_checkudata(L, 1, client_type);
    stream_client_close(client->stream);
    client->stream = NULL;
    return 0;
}

/* control_connect(path, timeout) */
static int connect_to(lua_State *L)
{
    struct error error;
    const char *path = luaL_checkstring(L, 1);
    int timeout_ms = milliseconds_until(check_deadline(L, 2));
    struct client *client = lua_newuserdata(L, sizeof *client);
    memset(client, 0, sizeof *client);
    client->first = -1;
    luaL_getmetatable(L, client_type);
    lua_setmetatable(L, -2);
    lua_newtable(L);
    lua_setuservalue(L, -2);
    client->stream = stream_connect(path, timeout_ms, &error);
    return client->stream ? 1 : result_fail(L, error.text, CODE_CONNECT);
}

void control_client_register(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"call", call},
        {"receive", receive_notification},
        {"close", close_client},
        {NULL, NULL},
    };
    class_push(L, client_type, methods, close_client);
    lua_pop(L, 1);
    lua_pushcfunction(L, connect_to);
    lua_setfield(L, -2, "control_connect");
}
