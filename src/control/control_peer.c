/* SPDX-License-Identifier: MIT */
/* A peer of the control socket, in Lua. */
#include "control_server.h"

#include "../lua/class.h"

#include "rpc.h"

const char control_peer_type[] = "shoal.control.peer";

static struct peer *check_peer(lua_State *L)
{
    return luaL_checkudata(L, 1, control_peer_type);
}

bool control_send(struct peer *peer, shoal_bytes bytes)
{
    return peer->server->listener && peer->stream &&
           stream_send(peer->stream, bytes);
}

shoal_bytes control_message(lua_State *L)
{
    shoal_bytes bytes;
    bytes.data = (const uint8_t *)lua_tolstring(L, -1, &bytes.size);
    return bytes;
}

/* Sends the message on top of the stack. STACK: message -> boolean */
static int send_message(lua_State *L, struct peer *peer)
{
    lua_pushboolean(L, control_send(peer, control_message(L)));
    return 1;
}

static int respond(lua_State *L)
{
    struct peer *peer = check_peer(L);
    lua_Number id = luaL_checknumber(L, 2);
    luaL_argcheck(L, id >= 0 && id <= UINT32_MAX, 2, "not a request id");
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

static int write_bytes(lua_State *L)
{
    struct peer *peer = check_peer(L);
    (void)luaL_checkstring(L, 2);
    lua_settop(L, 2);
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

void control_register_peer(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"id", peer_id},       {"respond", respond},   {"notify", notify},
        {"close", close_peer}, {"write", write_bytes}, {NULL, NULL},
    };
    class_push(L, control_peer_type, methods, NULL);
    lua_pop(L, 1);
}
