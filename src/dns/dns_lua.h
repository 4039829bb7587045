/* SPDX-License-Identifier: MIT */
/*
 * The DNS server for Lua:
 *
 *   core.dns_listen(where, { on_turn= }, options) -> server
 *     options: { public=, domain=, ttl=, idle=, arrive=, write= }
 *     on_turn()   before queries are answered, at most 50 times a second
 *   server:put(key, name, host, texts, services)   describes a member
 *     services: { { name=, host=, port=, weight=, passing=, tags= }, ... }
 *   server:drop(key)
 *   server:place() server:stats() server:close()
 *
 * Who is described is decided in Lua (lua/shoal/serve/dns.lua).
 */
#ifndef SHOAL_DNS_DNS_LUA_H
#define SHOAL_DNS_DNS_LUA_H

#include "../control/control.h"

/* Adds dns_listen() to the table on top of the stack. */
void dns_register(lua_State *L, control_loop_fn *loop);

#endif
