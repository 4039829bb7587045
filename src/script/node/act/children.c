/* SPDX-License-Identifier: MIT */
#include "children.h"

#include "../../../lua/compat.h"
#include "../../../lua/options.h"
#include "../../../lua/result.h"
#include "../coroutine.h"
#include "../node.h"
#include "../pending.h"
#include "children_request.h"

#include <stdlib.h>

/* A program that runs. The script may not want to know of it any more. */
struct running {
    struct node *node;
    struct child *child; /* NULL: cancelled */
    void *handle;        /* the backend's; NULL: it has ended */
};

/* What a script waits for. Its uservalue keeps what the request borrows. */
struct child {
    struct pending base;
    struct node *node;
    host_child_request request;
    struct running *running;     /* NULL: it waits */
    struct child *next, **place; /* in the queue, while it waits */
};

/* ---- The queue ---- */

static void push(struct children *children, struct child *child)
{
    child->place = children->last ? children->last : &children->first;
    *child->place = child;
    children->last = &child->next;
    children->num_waiting++;
}

static void take_out(struct children *children, struct child *child)
{
    *child->place = child->next;
    if (child->next)
        child->next->place = child->place;
    else
        children->last = child->place;
    child->next = NULL;
    child->place = NULL;
    children->num_waiting--;
}

/* ---- Its end ---- */

static void end(struct pending *pending)
{
    struct child *child = (struct child *)pending;
    struct running *running = child->running;
    struct backend *backend = child->node->backend;
    if (child->place)
        take_out(&child->node->children, child);
    if (!running)
        return;
    child->running = NULL;
    running->child = NULL;
    if (running->handle) /* cancelled */
        backend->ops->child_end(backend, running->handle);
}

static const struct pending_kind kind = {.what = "spawn", .end = end};

static void set_number(lua_State *L, const char *name, int value, bool is_there)
{
    if (!is_there)
        return;
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void set_bytes(lua_State *L, const char *name, shoal_bytes bytes)
{
    lua_pushlstring(L, (const char *)bytes.data, bytes.size);
    lua_setfield(L, -2, name);
}

static int push_result(lua_State *L, void *context)
{
    const host_child_result *result = context;
    lua_createtable(L, 0, 6);
    set_number(L, "code", result->code, result->code >= 0);
    set_number(L, "signal", result->signal, result->signal != 0);
    set_bytes(L, "stdout", result->out);
    set_bytes(L, "stderr", result->err);
    lua_pushboolean(L, result->truncated);
    lua_setfield(L, -2, "truncated");
    lua_pushboolean(L, result->timed_out);
    lua_setfield(L, -2, "timed_out");
    return 1;
}

static int push_error(lua_State *L, void *context)
{
    const struct error *error = context;
    return result_fail(L, error->text, CODE_SPAWN);
}

/* ---- Its start ---- */

static host_child_fn on_end;

static int start(struct child *child, struct error *error)
{
    struct node *node = child->node;
    struct running *running = calloc(1, sizeof *running);
    if (!running)
        return error_fail(error, "cannot run %.200s: out of memory",
                          child->request.argv[0]);
    *running = (struct running){.node = node, .child = child};
    running->handle = node->backend->ops->child_new(
        node->backend, &child->request, on_end, running, error);
    if (!running->handle) {
        free(running);
        return -1;
    }
    child->running = running;
    node->children.running++;
    return 0;
}

static void start_waiting(struct node *node)
{
    struct children *children = &node->children;
    while (children->first && children->running < children->max) {
        struct child *child = children->first;
        struct error error;
        take_out(children, child);
        if (start(child, &error) != 0)
            pending_tell(&child->base, push_error, &error);
    }
}

static void on_end(void *context, const host_child_result *result)
{
    struct running *running = context;
    struct node *node = running->node;
    struct child *child = running->child;
    running->handle = NULL;
    node->children.running--;
    if (child && result)
        pending_tell(&child->base, push_result, (void *)result);
    else if (child)
        pending_cancel(&child->base);
    free(running);
    if (result)
        start_waiting(node);
}

/* ---- In Lua ---- */

/* node argv fn -> node argv nil fn. A function at 4, or nil. */
static void check_function(lua_State *L)
{
    if (lua_isfunction(L, 3)) {
        lua_settop(L, 3);
        lua_pushnil(L);
        lua_insert(L, 3);
    }
    lua_settop(L, 4);
    if (!coroutine_waits(L, 4, "node:spawn") && !lua_isfunction(L, 4))
        luaL_error(L, "node:spawn: needs a function to call, got %s",
                   options_describe(L, 4));
}

/* The simulation may ask a function of the program's, on this thread if it is
 * of its state. */
static int start_here(lua_State *L, struct scope *scope, struct child *child,
                      struct error *error)
{
    struct program *owner = scope->scopes->owner;
    if (scope->L)
        return start(child, error);
    lua_State *before = program_enter(owner, L);
    int failure = start(child, error);
    program_leave(owner, before);
    return failure;
}

static struct child *new_child(lua_State *L, struct scope *scope)
{
    struct child *child = pending_new(L, sizeof *child, &kind);
    child->node = scope->node;
    children_read_request(L, &child->request);
    lua_setuservalue(L, 5);
    pending_begin(L, &child->base, scope, lua_isnil(L, 4) ? 0 : 4);
    return child;
}

int children_spawn(lua_State *L, struct scope *scope)
{
    struct children *children = &scope->node->children;
    struct error error;
    check_function(L);
    bool starts = children->running < children->max;
    if (!starts && children->num_waiting == CHILDREN_MAX_WAITING)
        return result_fail(L, "too many programs wait to be run",
                           shoal_error_name(SHOAL_ERR_FULL));
    struct child *child = new_child(L, scope);
    if (!starts) {
        push(children, child);
    } else if (start_here(L, scope, child, &error) != 0) {
        pending_cancel(&child->base);
        return result_fail(L, error.text, CODE_SPAWN);
    }
    return lua_isnil(L, 4) ? coroutine_yield(L) : 1;
}
