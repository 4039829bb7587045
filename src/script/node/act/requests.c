/* SPDX-License-Identifier: MIT */
#include "requests.h"

#include "../../../base/bytes.h"
#include "../../../lua/arguments.h"
#include "../../../lua/compat.h"
#include "../../../lua/headers.h"
#include "../../../lua/options.h"
#include "../../../lua/result.h"
#include "../coroutine.h"
#include "../node.h"
#include "../pending.h"

#include <ctype.h>
#include <string.h>

static const char who[] = "node:http";

enum {
    TIMEOUT_US = 30 * 1000 * 1000,
    MAX_BODY = 1024 * 1024, /* bytes, unless the script says */
    LIMIT_BODY = 64 * 1024 * 1024
};

struct request {
    struct pending base;
    struct node *node;
    void *handle; /* the backend's; NULL: not yet, or it is over */
    bool counted;
};

/* ---- Its outcome ---- */

static void end(struct pending *pending)
{
    struct request *request = (struct request *)pending;
    struct backend *backend = request->node->backend;
    if (request->counted)
        request->node->num_requests--;
    request->counted = false;
    if (request->handle)
        backend->ops->http_end(backend, request->handle);
    request->handle = NULL;
}

static const struct pending_kind kind = {.what = "http", .end = end};

/* "Name: value" between `line` and `end`. */
static void set_header(lua_State *L, const char *line, const char *line_end)
{
    const char *colon = memchr(line, ':', (size_t)(line_end - line));
    if (!colon)
        return;
    const char *value = colon + 1;
    while (value < line_end && (*value == ' ' || *value == '\t'))
        value++;
    headers_add(L, bytes_of(line, (size_t)(colon - line)),
                bytes_of(value, (size_t)(line_end - value)));
}

static void push_headers(lua_State *L, shoal_bytes headers)
{
    const char *line = (const char *)headers.data, *end_of_all = line;
    lua_newtable(L);
    if (headers.size > 0)
        end_of_all += headers.size;
    while (line < end_of_all) {
        const char *next = memchr(line, '\n', (size_t)(end_of_all - line));
        const char *line_end = next ? next : end_of_all;
        next = next ? next + 1 : end_of_all;
        if (line_end > line && line_end[-1] == '\r')
            line_end--;
        set_header(L, line, line_end);
        line = next;
    }
}

static int push_response(lua_State *L, void *context)
{
    const host_http_response *response = context;
    luaL_checkstack(L, 12, "cannot push a response");
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, response->status);
    lua_setfield(L, -2, "status");
    push_headers(L, response->headers);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, (const char *)response->body.data, response->body.size);
    lua_setfield(L, -2, "body");
    lua_pushboolean(L, response->truncated);
    lua_setfield(L, -2, "truncated");
    return 1;
}

struct request_failure {
    const char *error, *code;
};

static int push_failure(lua_State *L, void *context)
{
    const struct request_failure *failure = context;
    return result_fail(L, failure->error, failure->code);
}

static void on_end(void *context, const host_http_response *response,
                   const char *error, bool timed_out)
{
    struct request *request = context;
    struct request_failure failure = {error,
                                      timed_out ? CODE_TIMEOUT : CODE_HTTP};
    request->handle = NULL; /* the backend frees it when we return */
    if (response)
        pending_tell(&request->base, push_response, (void *)response);
    else
        pending_tell(&request->base, push_failure, &failure);
}

/* ---- The options ---- */

static void keep(lua_State *L, int kept)
{
    lua_rawseti(L, kept, (int)lua_rawlen(L, kept) + 1);
}

/* The string at the top, which goes into a line. */
static const char *check_line(lua_State *L, const char *name)
{
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (strlen(text) != size || strpbrk(text, "\r\n"))
        options_error(L, who, name, "must not have line ends", -1);
    return text;
}

static const char *read_text(lua_State *L, int kept, const char *name,
                             const char *fallback)
{
    if (!options_string(L, 2, who, name, NULL))
        return fallback;
    options_get(L, 2, name);
    const char *text = check_line(L, name);
    keep(L, kept);
    return text;
}

static const char *check_header(lua_State *L)
{
    if (lua_type(L, -2) != LUA_TSTRING || strpbrk(lua_tostring(L, -2), ": ") ||
        (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER))
        options_error(L, who, "headers", "must have names and strings", -2);
    lua_pushvalue(L, -2);
    lua_pushliteral(L, ": ");
    lua_pushvalue(L, -3);
    lua_concat(L, 3);
    return check_line(L, "headers");
}

/* STACK: ..., table -> ... */
static void read_headers(lua_State *L, int kept, host_http_request *request)
{
    int given = lua_gettop(L);
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, given); lua_pop(L, 1))
        count++;
    const char **lines = compat_newblock(L, (count + 1) * sizeof *lines);
    keep(L, kept);
    count = 0;
    for (lua_pushnil(L); lua_next(L, given); lua_pop(L, 1)) {
        lines[count++] = check_header(L);
        keep(L, kept);
    }
    lines[count] = NULL;
    request->headers = lines;
}

static void check_method(lua_State *L, const char *method)
{
    for (const char *at = method; *at; at++) {
        if (!isupper((unsigned char)*at))
            luaL_error(L, "%s: option 'method' must have capital letters", who);
    }
    if (*method == '\0')
        luaL_error(L, "%s: option 'method' must not be empty", who);
}

static uint64_t read_timeout(lua_State *L)
{
    uint64_t us = TIMEOUT_US;
    if (options_get(L, 2, "timeout") != LUA_TNIL &&
        (lua_type(L, -1) != LUA_TNUMBER ||
         !options_to_us(lua_tonumber(L, -1), &us)))
        options_error(L, who, "timeout", "must be seconds, 0 or more", -1);
    lua_pop(L, 1);
    return us;
}

/* Pushes a table that keeps what is borrowed. */
static void read_options(lua_State *L, host_http_request *request)
{
    static const char *const names[] = {"url",     "method",  "body",
                                        "headers", "timeout", "max_body",
                                        "ca_file", NULL};
    *request = (host_http_request){0};
    options_check(L, 2, who, names, false);
    lua_newtable(L);
    int kept = lua_gettop(L);
    request->url = read_text(L, kept, "url", NULL);
    if (!request->url)
        luaL_error(L, "%s: option 'url' is missing", who);
    if (options_string(L, 2, who, "body", NULL)) {
        options_get(L, 2, "body");
        request->body.data =
            (const uint8_t *)lua_tolstring(L, -1, &request->body.size);
        request->has_body = true;
        keep(L, kept);
    }
    request->method =
        read_text(L, kept, "method", request->has_body ? "POST" : "GET");
    check_method(L, request->method);
    request->ca_file = read_text(L, kept, "ca_file", NULL);
    if (options_table(L, 2, who, "headers"))
        read_headers(L, kept, request);
    lua_settop(L, kept);
    request->timeout_us = read_timeout(L);
    request->max_body =
        (size_t)options_integer(L, 2, who, "max_body", 0, LIMIT_BODY, MAX_BODY);
}

/* ---- In Lua ---- */

static void check_function(lua_State *L)
{
    lua_settop(L, 3);
    if (!coroutine_waits(L, 3, who) && !lua_isfunction(L, 3))
        luaL_error(L, "%s: needs a function to call, got %s", who,
                   options_describe(L, 3));
}

/* The simulation asks a function of the program's, as children.c has it. */
static bool open_handle(lua_State *L, struct scope *scope,
                        struct request *request,
                        const host_http_request *options, struct error *error)
{
    struct program *owner = scope->scopes->owner;
    struct backend *backend = scope->node->backend;
    lua_State *before = scope->L ? NULL : program_enter(owner, L);
    request->handle =
        backend->ops->http_new(backend, options, on_end, request, error);
    if (before)
        program_leave(owner, before);
    return request->handle != NULL;
}

int requests_begin(lua_State *L, struct scope *scope)
{
    host_http_request options;
    struct error error;
    check_function(L);
    read_options(L, &options); /* 4 */
    if (scope->node->num_requests >= REQUESTS_MAX)
        return result_fail(L, "too many requests are under way",
                           shoal_error_name(SHOAL_ERR_FULL));
    struct request *request = pending_new(L, sizeof *request, &kind);
    request->node = scope->node;
    pending_begin(L, &request->base, scope, lua_isnil(L, 3) ? 0 : 3);
    request->counted = true;
    scope->node->num_requests++;
    if (!open_handle(L, scope, request, &options, &error)) {
        pending_cancel(&request->base);
        return result_fail(L, error.text, CODE_HTTP);
    }
    return lua_isnil(L, 3) ? coroutine_yield(L) : 1;
}
