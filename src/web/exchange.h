/* SPDX-License-Identifier: MIT */
/* A request in Lua, for web_lua.c, which makes it. */
#ifndef SHOAL_WEB_EXCHANGE_H
#define SHOAL_WEB_EXCHANGE_H

#include "web.h"

#include <lua.h>

struct exchange {
    web_request *request; /* NULL: it is over */
    int self;             /* reference, while it is not */
};

/* Makes the metatable. */
void exchange_register(lua_State *L);
/* Pushes a new one, which the registry keeps until exchange_over(). May raise.
 */
void exchange_push_new(lua_State *L, web_request *request);
/* Needs no memory. */
void exchange_over(lua_State *L, struct exchange *exchange);

#endif
