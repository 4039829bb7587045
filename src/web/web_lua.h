/* SPDX-License-Identifier: MIT */
/*
 * The HTTP server for Lua:
 *
 *   core.web_listen(where, { on_request=, on_over= },
 *                   { public=, token_file=, mode=, group=, user=,
 *                     idle=, arrive=, write= }) -> server
 *     on_request(exchange, method, uri, body)
 *     on_over(exchange)           answered, or the client has gone
 *   exchange:header(name) exchange:headers()   in lower case; until it is over
 *   exchange:respond(status, headers, body) -> true | false
 *   exchange:stream(status, headers) exchange:write(text) exchange:finish()
 *   exchange:is_open() exchange:waiting()      bytes that it has not taken
 *   server:place() server:stats() server:close()
 *
 * What is answered is written in Lua (lua/shoal/serve/http.lua).
 */
#ifndef SHOAL_WEB_WEB_LUA_H
#define SHOAL_WEB_WEB_LUA_H

#include "../control/control.h"

/* Adds web_listen() to the table on top of the stack. */
void web_register(lua_State *L, control_loop_fn *loop);

#endif
