/* SPDX-License-Identifier: MIT */
#include "watches.h"

#include "../../../lua/compat.h"
#include "../../../lua/options.h"
#include "../../../lua/result.h"
#include "../node.h"
#include "../pending.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

struct io_watch {
    struct pending base;
    struct node *node;
    int fd;
    void *handle; /* the backend's; NULL: not yet, or it has failed */
};

static void end(struct pending *pending)
{
    struct io_watch *watch = (struct io_watch *)pending;
    struct backend *backend = watch->node->backend;
    if (watch->handle)
        backend->ops->io_cancel(backend, watch->handle);
    watch->handle = NULL;
}

static const struct pending_kind kind = {.what = "io", .end = end};

static int push_ready(lua_State *L, void *context)
{
    lua_pushinteger(L, *(int *)context);
    return 1;
}

struct loss {
    int fd, error; /* an errno; EBADF: it was closed */
};

static int push_loss(lua_State *L, void *context)
{
    const struct loss *loss = context;
    struct error error;
    if (loss->error == EBADF)
        error_fail(&error, "descriptor %d was closed while it was watched",
                   loss->fd);
    else
        error_errno(&error, loss->error, "cannot watch descriptor %d any more",
                    loss->fd);
    return result_fail(L, error.text, CODE_IO);
}

static void on_ready(void *context, int error)
{
    struct io_watch *watch = context;
    struct loss loss = {watch->fd, error};
    if (!error) {
        pending_tell_again(&watch->base, push_ready, &loss.fd);
        return;
    }
    watch->handle = NULL; /* the backend frees it when we return */
    pending_tell(&watch->base, push_loss, &loss);
}

static int check_descriptor(lua_State *L)
{
    lua_Number number = lua_type(L, 2) == LUA_TNUMBER ? lua_tonumber(L, 2) : -1;
    if (!(number >= 0 && number <= INT_MAX) ||
        number != (lua_Number)(int)number)
        luaL_error(L, "node:io: needs a descriptor, a whole number, got %s",
                   options_describe(L, 2));
    return (int)number;
}

static bool check_mode(lua_State *L)
{
    const char *mode = lua_type(L, 3) == LUA_TSTRING ? lua_tostring(L, 3) : "";
    if (strcmp(mode, "r") != 0 && strcmp(mode, "w") != 0)
        luaL_error(L, "node:io: the mode must be 'r' or 'w', got %s",
                   options_describe(L, 3));
    return *mode == 'w';
}

int watches_push(lua_State *L, struct scope *scope)
{
    struct backend *backend = scope->node->backend;
    struct error error;
    int fd = check_descriptor(L);
    bool writes = check_mode(L);
    if (!lua_isfunction(L, 4))
        return luaL_error(L, "node:io: needs a function to call, got %s",
                          options_describe(L, 4));
    if (!backend->ops->io_new)
        return luaL_error(L, "node:io: a simulated node watches no "
                             "descriptors");
    struct io_watch *watch = pending_new(L, sizeof *watch, &kind);
    watch->node = scope->node;
    watch->fd = fd;
    pending_begin(L, &watch->base, scope, 4);
    watch->handle =
        backend->ops->io_new(backend, fd, writes, on_ready, watch, &error);
    if (watch->handle)
        return 1;
    pending_cancel(&watch->base);
    return result_fail(L, error.text, CODE_IO);
}
