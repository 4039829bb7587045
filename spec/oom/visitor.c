/* SPDX-License-Identifier: MIT */
/*
 * A client of a Unix stream socket for the scenarios, which blocks for nothing
 * and allocates nothing itself:
 *
 *   local visitor = oom.visit(path)   a number; raises when nobody listens
 *   oom.say(visitor, text)            what does not fit at once is not said
 *   oom.hear(visitor)                 -> text, is_over: what is there
 *   oom.part(visitor)
 */
#include "visitor.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int visit(lua_State *L)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size;
    const char *path = luaL_checklstring(L, 1, &size);
    luaL_argcheck(L, size < sizeof address.sun_path, 1, "too long");
    memcpy(address.sun_path, path, size);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return luaL_error(L, "cannot visit %s: %s", path, strerror(number));
    }
    lua_pushnumber(L, fd);
    return 1;
}

static int say(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 2, &size);
    (void)!send((int)luaL_checknumber(L, 1), text, size, MSG_NOSIGNAL);
    return 0;
}

static int hear(lua_State *L)
{
    char text[65536];
    int fd = (int)luaL_checknumber(L, 1);
    ssize_t size = recv(fd, text, sizeof text, MSG_PEEK);
    bool is_over = size == 0 || (size < 0 && errno != EAGAIN);
    lua_pushlstring(L, text, size > 0 ? (size_t)size : 0); /* may raise */
    if (size > 0)
        (void)!recv(fd, text, (size_t)size, 0);
    lua_pushboolean(L, is_over);
    return 2;
}

static int part(lua_State *L)
{
    close((int)luaL_checknumber(L, 1));
    return 0;
}

void visitor_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"visit", visit}, {"say", say}, {"hear", hear}, {"part", part}};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        lua_pushcfunction(L, functions[i].func);
        lua_setfield(L, -2, functions[i].name);
    }
}
