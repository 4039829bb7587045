/* SPDX-License-Identifier: MIT */
#include "sim_http.h"

#include "../../base/list.h"
#include "../../lua/options.h"

#include <stdlib.h>
#include <string.h>

struct sim_http {
    struct sim_http *next, **place; /* in the member's list */
    sim_node *node;
    sim_timer *timer; /* when the response is there; NULL: it is being told */
    const host_http_request *request; /* while it is asked for */
    host_http_response response;
    bool timed_out;
    uint64_t after_us;
    host_http_fn *fn;
    void *context;
};

static const char who[] = "net:on_http: response";

static void free_http(struct sim_http *http)
{
    if (http->timer)
        sim_timer_cancel(http->timer);
    LIST_REMOVE(http);
    free((void *)http->response.headers.data);
    free((void *)http->response.body.data);
    free(http);
}

static void push_headers(lua_State *L, const char *const *lines)
{
    lua_newtable(L);
    for (; lines && *lines; lines++) {
        const char *colon = strchr(*lines, ':');
        lua_pushlstring(L, *lines, (size_t)(colon - *lines));
        lua_pushstring(L, colon + 2); /* ": " */
        lua_rawset(L, -3);
    }
}

static int push_question(lua_State *L, void *context)
{
    const struct sim_http *http = context;
    const host_http_request *request = http->request;
    luaL_checkstack(L, 8, "cannot ask for a response");
    lua_pushinteger(L, (lua_Integer)sim_place(http->node));
    lua_newtable(L);
    lua_pushstring(L, request->url);
    lua_setfield(L, -2, "url");
    lua_pushstring(L, request->method);
    lua_setfield(L, -2, "method");
    if (request->has_body) {
        lua_pushlstring(L, (const char *)request->body.data,
                        request->body.size);
        lua_setfield(L, -2, "body");
    }
    push_headers(L, request->headers);
    lua_setfield(L, -2, "headers");
    return 2;
}

/* As much of it as is kept; false: no memory. */
static bool copy(lua_State *L, int answer, const char *name, size_t max_size,
                 shoal_bytes *out, bool *truncated)
{
    const char *text = "";
    size_t size = 0;
    (void)options_string(L, answer, who, name, "");
    if (options_get(L, answer, name) == LUA_TSTRING)
        text = lua_tolstring(L, -1, &size);
    lua_pop(L, 1);
    *truncated = size > max_size;
    size = size < max_size ? size : max_size;
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        return false;
    memcpy(bytes, text, size);
    out->data = bytes;
    out->size = size;
    return true;
}

static int read_answer(lua_State *L, int index, void *context,
                       struct error *error)
{
    static const char *const names[] = {"status", "headers", "body", "after",
                                        NULL};
    struct sim_http *http = context;
    host_http_response *response = &http->response;
    options_check(L, index, who, names, false);
    response->status =
        (int)options_integer(L, index, who, "status", 100, 599, 200);
    if (options_get(L, index, "after") != LUA_TNIL &&
        (lua_type(L, -1) != LUA_TNUMBER ||
         !options_to_us(lua_tonumber(L, -1), &http->after_us)))
        options_error(L, who, "after", "must be seconds, 0 or more", -1);
    lua_pop(L, 1);
    http->timed_out = http->after_us > http->request->timeout_us;
    if (http->timed_out)
        http->after_us = http->request->timeout_us;
    if (copy(L, index, "headers", SIZE_MAX, &response->headers,
             &response->truncated) &&
        copy(L, index, "body", http->request->max_body, &response->body,
             &response->truncated))
        return 0;
    return error_fail(error, "out of memory");
}

static void on_time(void *context)
{
    struct sim_http *http = context;
    http->timer = NULL; /* the simulator frees it when we return */
    if (http->timed_out)
        http->fn(http->context, NULL, "it took too long", true);
    else
        http->fn(http->context, &http->response, NULL, false);
    free_http(http);
}

struct sim_http *sim_http_new(sim_node *node, struct sim_http **list,
                              struct mocks *mocks,
                              const host_http_request *request,
                              host_http_fn *fn, void *context,
                              struct error *error)
{
    struct sim_http *http = calloc(1, sizeof *http);
    if (!http) {
        error_fail(error, "out of memory");
        return NULL;
    }
    *http = (struct sim_http){
        .node = node, .request = request, .fn = fn, .context = context};
    LIST_PUSH(*list, http);
    const struct mock_question question = {.name = "net:on_http",
                                           .fn = mocks->on_http,
                                           .num_results = 2,
                                           .push = push_question,
                                           .read = read_answer,
                                           .context = http};
    if (mocks_ask(mocks, &question, error) == 0) {
        http->timer = sim_timer_new(node, http->after_us, 0, on_time, http);
        if (http->timer)
            return http;
        error_fail(error, "out of memory");
    }
    free_http(http);
    return NULL;
}

void sim_http_end(struct sim_http *http)
{
    free_http(http);
}

void sim_http_forget_all(struct sim_http **list)
{
    while (*list) {
        (*list)->timer = NULL; /* gone with the member */
        free_http(*list);
    }
}
