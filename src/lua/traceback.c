/* SPDX-License-Identifier: MIT */
#include "traceback.h"

#include "compat.h"

#include <stdbool.h>
#include <string.h>

static const char traceback_mark[] = "\nstack traceback:";

static bool begins_with(const char *line, size_t size, const char *prefix)
{
    size_t length = strlen(prefix);

    return size >= length && memcmp(line, prefix, length) == 0;
}

/* A line of a traceback that tells nobody anything: where a C function of ours
 * is in memory ("[C]: at 0x7f..."), or that there was one ("[C]: in ?"). */
static bool is_idle_line(const char *line, size_t size)
{
    return begins_with(line, size, "\t[C]: at 0x") ||
           begins_with(line, size, "\t[C]: in ?") ||
           begins_with(line, size, "\t[C]: in function <[C]:-1>") || /* 5.1 */
           begins_with(line, size, "\t[C]: ?");
}

/* STACK: ..., traceback -> ..., traceback, the same without idle lines */
static void drop_idle_lines(lua_State *L)
{
    const char *line = lua_tostring(L, -1);
    luaL_Buffer kept;

    luaL_buffinit(L, &kept);
    while (*line != '\0') {
        size_t size = strcspn(line + 1, "\n") + 1; /* with the one before it */

        if (!(line[0] == '\n' && is_idle_line(line + 1, size - 1)))
            luaL_addlstring(&kept, line, size);
        line += size;
    }
    luaL_pushresult(&kept);
}

/* Where a coroutine raised is in its message already, and here is only us. */
static bool is_empty(const char *traceback)
{
    return strlen(traceback) < sizeof traceback_mark;
}

int traceback_add(lua_State *L)
{
    const char *message = lua_tostring(L, 1);

    if (!message) {
        if (luaL_callmeta(L, 1, "__tostring") && lua_isstring(L, -1))
            message = lua_tostring(L, -1);
        else
            message = lua_pushfstring(L, "(error object is a %s value)",
                                      luaL_typename(L, 1));
    }
    luaL_traceback(L, L, NULL, 1);
    drop_idle_lines(L);
    if (is_empty(lua_tostring(L, -1)))
        lua_pushstring(L, message);
    else
        lua_pushfstring(L, "%s\n%s", message, lua_tostring(L, -1));
    return 1;
}

size_t traceback_start(const char *text, size_t size)
{
    size_t mark = sizeof traceback_mark - 1;

    for (size_t i = 0; i + mark <= size; i++)
        if (memcmp(text + i, traceback_mark, mark) == 0)
            return i;
    return size;
}
