/* SPDX-License-Identifier: MIT */
#include "sim_children.h"

#include "../../base/list.h"
#include "../../lua/options.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct sim_child {
    struct sim_child *next, **place; /* in the member's list */
    sim_node *node;
    sim_timer *timer;                  /* when it ends */
    const host_child_request *request; /* while its end is asked for */
    host_child_result result;
    uint64_t after_us;
    host_child_fn *fn;
    void *context;
};

static void free_child(struct sim_child *child)
{
    free((void *)child->result.out.data);
    free((void *)child->result.err.data);
    free(child);
}

/* ---- The question ---- */

static int push_options(lua_State *L, const host_child_request *request)
{
    lua_newtable(L);
    if (request->cwd) {
        lua_pushstring(L, request->cwd);
        lua_setfield(L, -2, "cwd");
    }
    if (request->input.size > 0) {
        lua_pushlstring(L, (const char *)request->input.data,
                        request->input.size);
        lua_setfield(L, -2, "stdin");
    }
    if (request->timeout_us != SHOAL_NEVER) {
        lua_pushnumber(L, options_to_seconds(request->timeout_us));
        lua_setfield(L, -2, "timeout");
    }
    lua_newtable(L);
    for (size_t i = 0; i < request->own_env; i++) {
        const char *variable = request->env[i], *end = strchr(variable, '=');
        lua_pushlstring(L, variable, (size_t)(end - variable));
        lua_pushstring(L, end + 1);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "env");
    return 1;
}

static int push_question(lua_State *L, void *context)
{
    const struct sim_child *child = context;
    const host_child_request *request = child->request;
    luaL_checkstack(L, 8, "cannot ask for a program");
    lua_pushinteger(L, (lua_Integer)sim_place(child->node));
    lua_newtable(L);
    for (int i = 0; request->argv[i]; i++) {
        lua_pushstring(L, request->argv[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 2 + push_options(L, request);
}

/* ---- The answer ---- */

static const char who[] = "net:on_spawn: answer";

/* As much of it as is kept; false: no memory. */
static bool copy_output(lua_State *L, int answer, const char *name,
                        size_t max_size, shoal_bytes *out, bool *truncated)
{
    const char *text = options_string(L, answer, who, name, "");
    size_t size = 0;
    if (options_get(L, answer, name) == LUA_TSTRING)
        text = lua_tolstring(L, -1, &size);
    lua_pop(L, 1);
    *truncated = *truncated || size > max_size;
    size = size < max_size ? size : max_size;
    uint8_t *copy = malloc(size + 1);
    if (!copy)
        return false;
    memcpy(copy, text, size);
    out->data = copy;
    out->size = size;
    return true;
}

static void read_end(lua_State *L, int answer, struct sim_child *child)
{
    host_child_result *result = &child->result;
    result->signal = (int)options_integer(L, answer, who, "signal", 0, 127, 0);
    result->code = (int)options_integer(L, answer, who, "code", 0, 255,
                                        result->signal ? -1 : 0);
    if (options_get(L, answer, "after") != LUA_TNIL &&
        (lua_type(L, -1) != LUA_TNUMBER ||
         !options_to_us(lua_tonumber(L, -1), &child->after_us)))
        options_error(L, who, "after", "must be seconds, 0 or more", -1);
    lua_pop(L, 1);
    if (child->after_us <= child->request->timeout_us)
        return;
    child->after_us = child->request->timeout_us;
    result->timed_out = true;
    result->code = -1;
    result->signal = SIGTERM;
}

static int read_answer(lua_State *L, int index, void *context,
                       struct error *error)
{
    static const char *const names[] = {"code",   "signal", "stdout",
                                        "stderr", "after",  NULL};
    struct sim_child *child = context;
    host_child_result *result = &child->result;
    size_t max_size = child->request->max_output;
    options_check(L, index, who, names, false);
    read_end(L, index, child);
    if (copy_output(L, index, "stdout", max_size, &result->out,
                    &result->truncated) &&
        copy_output(L, index, "stderr", max_size, &result->err,
                    &result->truncated))
        return 0;
    return error_fail(error, "out of memory");
}

/* ---- Its life ---- */

static void tell_end(void *context)
{
    struct sim_child *child = context;
    LIST_REMOVE(child);
    child->fn(child->context, &child->result);
    free_child(child);
}

struct sim_child *sim_child_new(sim_node *node, struct sim_child **list,
                                struct mocks *mocks,
                                const host_child_request *request,
                                host_child_fn *fn, void *context,
                                struct error *error)
{
    struct error reason = {""};
    struct sim_child *child = calloc(1, sizeof *child);
    if (!child) {
        error_fail(error, "out of memory");
        return NULL;
    }
    *child = (struct sim_child){
        .node = node, .request = request, .fn = fn, .context = context};
    const struct mock_question question = {.name = "net:on_spawn",
                                           .fn = mocks->on_spawn,
                                           .num_results = 2,
                                           .push = push_question,
                                           .read = read_answer,
                                           .context = child};
    int failure = mocks_ask(mocks, &question, &reason);
    child->request = NULL;
    if (failure == 0)
        child->timer = sim_timer_new(node, child->after_us, 0, tell_end, child);
    if (failure == 0 && !child->timer)
        error_fail(&reason, "out of memory");
    if (!child->timer) {
        error_fail(error, "cannot run %.200s: %.250s", request->argv[0],
                   reason.text);
        free_child(child);
        return NULL;
    }
    LIST_PUSH(*list, child);
    return child;
}

/* It ends at once, as by TERM. Without memory for that: when it would have. */
void sim_child_end(struct sim_child *child)
{
    sim_timer *timer = sim_timer_new(child->node, 0, 0, tell_end, child);
    if (!timer)
        return;
    sim_timer_cancel(child->timer);
    child->timer = timer;
    child->result.code = -1;
    child->result.signal = SIGTERM;
}

void sim_child_forget_all(struct sim_child **list)
{
    while (*list) {
        struct sim_child *child = *list;
        LIST_REMOVE(child);
        child->fn(child->context, NULL);
        free_child(child);
    }
}
