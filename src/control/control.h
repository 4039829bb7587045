/* SPDX-License-Identifier: MIT */
/*
 * The control socket for Lua: MessagePack-RPC over a Unix socket.
 *
 *   core.control_listen(path, { on_request=, on_notify=, on_close=, on_line= },
 *                       { mode=, group= }) -> server
 *     on_request(peer, id, method, params)   answer with peer:respond(id, ...)
 *     on_notify(peer, method, params)
 *     on_close(peer)
 *     on_line(peer, text)   if it is there, peers that begin with an ASCII
 *                           character speak in lines: answer with peer:write()
 *     peer:respond(id, error, result) peer:notify(method, params) peer:close()
 *     peer:write(bytes)
 *     server:publish(peers, method, params)
 *     peer:id() server:path() server:stats() server:close()
 *   core.control_connect(path, timeout) -> client, which blocks
 *     client:call(method, params, timeout) -> result | nil, error, code
 *     client:receive(timeout) -> method, params | nil, message, code
 *     client:close()
 *
 * Which methods there are is written in Lua (lua/shoal/control.lua).
 */
#ifndef SHOAL_CONTROL_CONTROL_H
#define SHOAL_CONTROL_CONTROL_H

#include "../base/error.h"

#include <lua.h>

/* The loop to listen in. NULL and `error`: there is
 * none. */
typedef struct ev_loop *control_loop_fn(lua_State *L, struct error *error);

/* Add control_listen(), and control_connect(), to the table on top of the
 * stack. */
void control_server_register(lua_State *L, control_loop_fn *loop);
void control_client_register(lua_State *L);

#endif
