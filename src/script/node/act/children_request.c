/* SPDX-License-Identifier: MIT */
#include "children_request.h"

#include "../../../lua/arguments.h"
#include "../../../lua/compat.h"
#include "../../../lua/options.h"

#include <string.h>
#include <unistd.h>

extern char **environ;

static const char who[] = "node:spawn";

enum {
    MAX_OUTPUT = 64 * 1024, /* unless the script says */
    LIMIT_OUTPUT = 64 * 1024 * 1024
};

/* The string at the top, which goes into a C string. */
static const char *check_text(lua_State *L, const char *what)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s: %s must be strings, got %s", who, what,
                   options_describe(L, -1));
    if (strlen(lua_tostring(L, -1)) != lua_rawlen(L, -1))
        luaL_error(L, "%s: %s must not have a zero byte", who, what);
    return lua_tostring(L, -1);
}

/* Keeps the value on top of the stack in the table at `kept`; pops it. */
static void keep(lua_State *L, int kept)
{
    lua_rawseti(L, kept, (int)lua_rawlen(L, kept) + 1);
}

static const char **new_list(lua_State *L, int kept, size_t count)
{
    const char **list = compat_newblock(L, (count + 1) * sizeof *list);
    memset(list, 0, (count + 1) * sizeof *list);
    keep(L, kept);
    return list;
}

static const char *const *read_argv(lua_State *L, int kept)
{
    arguments_table(L, 2, who);
    size_t count = lua_rawlen(L, 2);
    if (count == 0)
        arguments_fail(L, 2, who, "a list of a program and its arguments");
    const char **argv = new_list(L, kept, count);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (int)i + 1);
        argv[i] = check_text(L, "the program and its arguments");
        keep(L, kept);
    }
    if (*argv[0] == '\0')
        luaL_error(L, "%s: the program has no name", who);
    return argv;
}

/* ---- Environment ---- */

/* At the top: the name and the value (false: it is to be unset) of a variable.
 * Pushes "NAME=value", or nil. */
static void push_variable(lua_State *L)
{
    bool unset = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    if (lua_type(L, -2) != LUA_TSTRING || strchr(lua_tostring(L, -2), '='))
        luaL_error(L, "%s: option 'env': not the name of a variable: %s", who,
                   options_describe(L, -2));
    if (unset) {
        lua_pushnil(L);
        return;
    }
    const char *name = lua_tostring(L, -2);
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "%s: option 'env': %s must be a string or false, got %s",
                   who, name, options_describe(L, -1));
    lua_pushvalue(L, -2);
    lua_pushliteral(L, "=");
    lua_pushvalue(L, -3);
    lua_concat(L, 3);
    (void)check_text(L, "variables");
}

/* Is the variable of ours named in the table at `given`? */
static bool is_given(lua_State *L, int given, const char *variable)
{
    const char *end = strchr(variable, '=');
    lua_pushlstring(L, variable,
                    end ? (size_t)(end - variable) : strlen(variable));
    lua_rawget(L, given);
    bool is = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return is;
}

static size_t count_all(lua_State *L, int given)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, given); lua_pop(L, 1))
        count++;
    for (char **variable = environ; variable && *variable; variable++)
        count++;
    return count;
}

/* STACK: ..., table of variables -> ... */
static void read_env(lua_State *L, int kept, host_child_request *request)
{
    int given = lua_gettop(L);
    size_t count = 0;
    const char **env = new_list(L, kept, count_all(L, given));
    for (lua_pushnil(L); lua_next(L, given); lua_pop(L, 1)) {
        push_variable(L);
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            continue;
        }
        env[count++] = lua_tostring(L, -1);
        keep(L, kept);
    }
    request->own_env = count;
    for (char **variable = environ; variable && *variable; variable++) {
        if (is_given(L, given, *variable))
            continue;
        lua_pushstring(L, *variable); /* it may be changed until then */
        env[count++] = lua_tostring(L, -1);
        keep(L, kept);
    }
    request->env = env;
    lua_settop(L, given - 1);
}

/* ---- All of it ---- */

static void read_texts(lua_State *L, int kept, host_child_request *request)
{
    if (options_string(L, 3, who, "cwd", NULL)) {
        options_get(L, 3, "cwd");
        request->cwd = check_text(L, "option 'cwd'");
        keep(L, kept);
    }
    if (options_string(L, 3, who, "stdin", NULL)) {
        options_get(L, 3, "stdin");
        request->input.data =
            (const uint8_t *)lua_tolstring(L, -1, &request->input.size);
        keep(L, kept);
    }
}

static uint64_t read_timeout(lua_State *L)
{
    uint64_t us = SHOAL_NEVER;
    if (options_get(L, 3, "timeout") != LUA_TNIL &&
        (lua_type(L, -1) != LUA_TNUMBER ||
         !options_to_us(lua_tonumber(L, -1), &us)))
        options_error(L, who, "timeout", "must be seconds, 0 or more", -1);
    lua_pop(L, 1);
    return us;
}

void children_read_request(lua_State *L, host_child_request *request)
{
    static const char *const names[] = {"stdin",   "env",        "cwd",
                                        "timeout", "max_output", NULL};
    *request = (host_child_request){.timeout_us = SHOAL_NEVER};
    options_check(L, 3, who, names, true);
    lua_newtable(L);
    int kept = lua_gettop(L);
    request->argv = read_argv(L, kept);
    if (options_table(L, 3, who, "env"))
        read_env(L, kept, request);
    lua_settop(L, kept);
    read_texts(L, kept, request);
    request->timeout_us = read_timeout(L);
    request->max_output = (size_t)options_integer(L, 3, who, "max_output", 0,
                                                  LIMIT_OUTPUT, MAX_OUTPUT);
}
