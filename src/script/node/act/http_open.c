/* SPDX-License-Identifier: MIT */
#include "http_open.h"

#include "../../../host/act/http.h"
#include "../../../lua/compat.h"

static int open_http(lua_State *L)
{
    (void)L;
    host_http_open();
    return 0;
}

void http_open_register(lua_State *L)
{
    lua_pushcfunction(L, open_http);
    lua_setfield(L, -2, "open_http");
}
