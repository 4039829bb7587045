/* SPDX-License-Identifier: MIT */
/* The node's methods that begin something and are told of its outcome. */
#include "../act/calls.h"
#include "../act/children.h"
#include "../act/connection.h"
#include "../act/requests.h"
#include "../act/sleeps.h"
#include "../act/watches.h"
#include "methods.h"

static int spawn(lua_State *L)
{
    (void)methods_check_sending(L, "node:spawn");
    return children_spawn(L, methods_check_scope(L));
}

static int watch(lua_State *L)
{
    return watches_push(L, methods_check_scope(L));
}

static int go(lua_State *L)
{
    return sleeps_go(L, methods_check_scope(L));
}

static int sleep_for(lua_State *L)
{
    return sleeps_begin(L, methods_check_scope(L));
}

static int make_connection(lua_State *L)
{
    (void)methods_check_sending(L, "node:connect");
    return connection_make(L, methods_check_scope(L));
}

static int request(lua_State *L)
{
    (void)methods_check_sending(L, "node:http");
    return requests_begin(L, methods_check_scope(L));
}

static int call(lua_State *L)
{
    (void)methods_check_sending(L, "node:call");
    return calls_begin(L, methods_check_scope(L));
}

static int page(lua_State *L)
{
    (void)methods_check_sending(L, "node:page");
    return calls_begin_page(L, methods_check_scope(L));
}

static int commands(lua_State *L)
{
    return calls_push_list(L, methods_check_scope(L));
}

const luaL_Reg methods_act[] = {
    {"spawn", spawn},
    {"io", watch},
    {"go", go},
    {"sleep", sleep_for},
    {"connect", make_connection},
    {"http", request},
    {"call", call},
    {"page", page},
    {"commands", commands},
    {NULL, NULL},
};
