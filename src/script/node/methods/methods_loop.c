/* SPDX-License-Identifier: MIT */
/*
 * The node's methods for loops other than libev's. Such a loop waits for fd()
 * or for timeout(), and then calls step(), which is among the methods of its
 * life. pollfd, events and timeout are what cqueues.poll() asks an object for.
 */
#include "methods.h"

/* Files that are watched wake nothing else: looked after this often. */
enum { WATCHING_US = 50 * 1000 };

static struct backend *check_backend(lua_State *L, const char *method)
{
    struct node *node = methods_check_open(L);
    if (!node->backend->ops->fd)
        luaL_error(L, "node:%s: a simulated node has no socket", method);
    return node->backend;
}

static int fd(lua_State *L)
{
    struct backend *backend = check_backend(L, "fd");
    lua_pushinteger(L, backend->ops->fd(backend));
    return 1;
}

static int timeout(lua_State *L)
{
    struct backend *backend = check_backend(L, "timeout");
    uint64_t us = backend->ops->due_in_us(backend);
    struct node *node = methods_check(L);
    if (node->script && node->watches && us > WATCHING_US)
        us = WATCHING_US;
    lua_pushnumber(L, (lua_Number)us / 1e6);
    return 1;
}

static int events(lua_State *L)
{
    check_backend(L, "events");
    lua_pushliteral(L, "r");
    return 1;
}

const luaL_Reg methods_loop[] = {
    {"fd", fd},         {"pollfd", fd}, {"timeout", timeout},
    {"events", events}, {NULL, NULL},
};
