/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include "../base/bytes.h"
#include "../lua/class.h"
#include "../lua/headers.h"
#include "../lua/refs.h"
#include "../lua/value.h"

#include <string.h>
#include <strings.h>

static const char exchange_type[] = "shoal.web.exchange";

static struct exchange *check(lua_State *L)
{
    return luaL_checkudata(L, 1, exchange_type);
}

static web_request *check_open(lua_State *L)
{
    return check(L)->request;
}

/* ---- What was asked ---- */

struct search {
    const char *name, *value;
};

static void compare(void *context, const char *name, const char *value)
{
    struct search *search = context;
    if (!search->value && strcasecmp(name, search->name) == 0)
        search->value = value;
}

static int header(lua_State *L)
{
    web_request *request = check_open(L);
    struct search search = {luaL_checkstring(L, 2), NULL};
    if (request)
        web_headers(request, compare, &search);
    lua_pushstring(L, search.value);
    return 1;
}

enum { MAX_LISTED = 100 };

struct header_list {
    const char *names[MAX_LISTED], *values[MAX_LISTED];
    int count;
};

static void list(void *context, const char *name, const char *value)
{
    struct header_list *listing = context;
    if (listing->count == MAX_LISTED)
        return;
    listing->names[listing->count] = name;
    listing->values[listing->count++] = value;
}

/* The library's frames must not be jumped over: so they are listed first. */
static int headers(lua_State *L)
{
    web_request *request = check_open(L);
    struct header_list listing = {.count = 0};
    if (request)
        web_headers(request, list, &listing);
    lua_newtable(L);
    for (int i = 0; i < listing.count; i++)
        headers_add(L, bytes_of_text(listing.names[i]),
                    bytes_of_text(listing.values[i]));
    return 1;
}

/* ---- Answers ---- */

static unsigned check_status(lua_State *L)
{
    lua_Number status = luaL_checknumber(L, 2);
    luaL_argcheck(L, status >= 200 && status <= 599, 2,
                  "a status is 200 to 599");
    return (unsigned)status;
}

/* All are strings, or nothing is made yet that could be lost. */
static void check_headers(lua_State *L)
{
    if (lua_isnoneornil(L, 3))
        return;
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, 3)) {
        luaL_argcheck(
            L, lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING,
            3, "headers must be strings");
        lua_pop(L, 1);
    }
}

static int give_up(lua_State *L, struct web_response *response)
{
    web_response_free(response);
    return luaL_error(L, "not a header, or not enough memory");
}

static void add_headers(lua_State *L, struct web_response *response)
{
    if (!response)
        luaL_error(L, "not enough memory");
    if (lua_isnoneornil(L, 3))
        return;
    lua_pushnil(L);
    while (lua_next(L, 3)) {
        if (!web_response_header(response, lua_tostring(L, -2),
                                 lua_tostring(L, -1)))
            give_up(L, response);
        lua_pop(L, 1);
    }
}

static int respond(lua_State *L)
{
    web_request *request = check_open(L);
    unsigned status = check_status(L);
    size_t size;
    const char *body = luaL_optlstring(L, 4, "", &size);
    check_headers(L);
    if (!request) {
        lua_pushboolean(L, false);
        return 1;
    }
    struct web_response *response = web_response_new(bytes_of(body, size));
    add_headers(L, response);
    lua_pushboolean(L, web_respond(request, status, response));
    return 1;
}

static int stream(lua_State *L)
{
    web_request *request = check_open(L);
    unsigned status = check_status(L);
    check_headers(L);
    if (!request) {
        lua_pushboolean(L, false);
        return 1;
    }
    struct web_response *response = web_response_of_stream(request);
    add_headers(L, response);
    lua_pushboolean(L, web_respond(request, status, response));
    return 1;
}

static int write_bytes(lua_State *L)
{
    web_request *request = check_open(L);
    size_t size;
    const char *text = luaL_checklstring(L, 2, &size);
    lua_pushboolean(L, request && web_write(request, bytes_of(text, size)));
    return 1;
}

static int waiting(lua_State *L)
{
    web_request *request = check_open(L);
    lua_pushnumber(L, request ? (lua_Number)web_waiting(request) : 0);
    return 1;
}

static int finish(lua_State *L)
{
    web_request *request = check_open(L);
    if (request)
        web_finish(request);
    return 0;
}

static int drop(lua_State *L)
{
    web_request *request = check_open(L);
    if (request)
        web_drop(request);
    return 0;
}

static int is_open(lua_State *L)
{
    lua_pushboolean(L, check_open(L) != NULL);
    return 1;
}

/* ---- The object ---- */

void exchange_push_new(lua_State *L, web_request *request)
{
    struct exchange *exchange = lua_newuserdata(L, sizeof *exchange);
    *exchange = (struct exchange){NULL, REFS_NONE};
    luaL_getmetatable(L, exchange_type);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    exchange->self = refs_new(L);
    exchange->request = request;
    web_set_tag(request, exchange);
}

void exchange_over(lua_State *L, struct exchange *exchange)
{
    exchange->request = NULL;
    refs_free(L, &exchange->self);
}

void exchange_register(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"header", header},   {"headers", headers},   {"respond", respond},
        {"stream", stream},   {"write", write_bytes}, {"finish", finish},
        {"is_open", is_open}, {"waiting", waiting},   {"drop", drop},
        {NULL, NULL},
    };
    class_push(L, exchange_type, methods, NULL);
    lua_pop(L, 1);
}
