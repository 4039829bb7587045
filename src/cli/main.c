/* SPDX-License-Identifier: MIT */
/*
 * The `shoal` program: LuaJIT with the engine linked in, running
 * lua/shoal/cli.lua.
 *
 * This file only sets the stage, all commands are Lua:
 *   - the Lua files are found from where the program itself is, so that a build
 *     tree, an installed tree and a moved one work without an environment:
 *     PREFIX/bin/shoal uses PREFIX/share/lua/5.1 and PREFIX/lib/lua/5.1
 *   - `require "shoal.core"` is the module in this very program
 *   - shoal.cli's main(arg) answers the exit code: 0 fine, 1 failed, 2 usage
 *   - output that could not be written is a failure, never a silent 0
 */
#include "../base/error.h"

#include <ev.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FINE = 0, EXIT_FAILED = 1 };

int luaopen_shoal_core(lua_State *L);

static void on_sigpipe(int number)
{
    (void)number;
}

/* A write to a closed pipe must be an error that we can report, not our death.
 * A handler instead of SIG_IGN, since that would be inherited by the programs
 * that scripts start. */
static void survive_closed_pipes(void)
{
    struct sigaction action = {.sa_handler = on_sigpipe,
                               .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
}

/* libev cannot go on: without this it would abort. */
static void on_loop_failure(const char *what)
{
    fprintf(stderr, "shoal: the event loop has failed: %s: %s\n", what,
            error_text(errno));
    fflush(stdout);
    _exit(EXIT_FAILED);
}

/* Started with a standard descriptor closed, the first socket would take its
 * number, and log lines would go to our peers. The placeholder is read-only, so
 * that writing to a closed stdout still fails. */
static void occupy_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* "/usr" for "/usr/bin/shoal". false when the system cannot tell. */
static bool find_prefix(char *prefix, size_t room)
{
    ssize_t length = readlink("/proc/self/exe", prefix, room - 1);
    if (length <= 0 || (size_t)length >= room - 1)
        return false;
    prefix[length] = '\0';
    for (int level = 0; level < 2; level++) {
        char *slash = strrchr(prefix, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
    return true;
}

/* package[field] = ours .. ";" .. package[field]
 * STACK: package ours -> package */
static void prepend(lua_State *L, const char *field)
{
    lua_pushliteral(L, ";");
    lua_getfield(L, -3, field);
    lua_concat(L, 3);
    lua_setfield(L, -2, field);
}

static void set_module_paths(lua_State *L, const char *prefix)
{
    lua_getglobal(L, "package");
    lua_pushfstring(L, "%s/share/lua/5.1/?.lua;%s/share/lua/5.1/?/init.lua",
                    prefix, prefix);
    prepend(L, "path");
    lua_pushfstring(L, "%s/lib/lua/5.1/?.so", prefix);
    prepend(L, "cpath");
    lua_pop(L, 1);
}

static void preload_core(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_shoal_core);
    lua_setfield(L, -2, "shoal.core");
    lua_pop(L, 2);
}

/* The global `arg`, as the standard interpreter has it. Left on the stack. */
static void push_arguments(lua_State *L, int argc, char **argv)
{
    lua_createtable(L, argc, 1);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_pushvalue(L, -1);
    lua_setglobal(L, "arg");
}

/* Whatever arrives here is a fault of ours: the commands answer what the world
 * and the user do wrong with a code and a line of their own. */
static int add_traceback(lua_State *L)
{
    const char *message = lua_tostring(L, 1);
    luaL_traceback(L, L, message ? message : "(no message)", 1);
    return 1;
}

/* What main() got. Static, since a light userdata cannot carry every stack
 * address. */
static struct {
    int argc;
    char **argv;
} command_line;

/* Under lua_pcall, since all of this may run out of memory. */
static int run_cli(lua_State *L)
{
    char prefix[PATH_MAX];
    luaL_openlibs(L);
    if (find_prefix(prefix, sizeof prefix))
        set_module_paths(L, prefix);
    preload_core(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "shoal.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main");
    push_arguments(L, command_line.argc, command_line.argv);
    lua_call(L, 1, 1);
    return 1;
}

static int run(lua_State *L)
{
    lua_pushcfunction(L, add_traceback);
    lua_pushcfunction(L, run_cli);
    if (lua_pcall(L, 0, 1, 1) != 0) {
        const char *message = lua_tostring(L, -1);
        fprintf(stderr, "shoal: internal error: %s\n",
                message ? message : "(no message)");
        return EXIT_FAILED;
    }
    return (int)lua_tointeger(L, -1);
}

/* The last chance to learn that what was printed went nowhere. */
static int check_output(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (code == EXIT_FINE) {
        fprintf(stderr, "shoal: cannot write to standard output: %s\n",
                strerror(errno));
        return EXIT_FAILED;
    }
    return code;
}

int main(int argc, char **argv)
{
    survive_closed_pipes();
    ev_set_syserr_cb(on_loop_failure);
    occupy_standard_descriptors();
    lua_State *L = luaL_newstate();
    if (!L) {
        fputs("shoal: out of memory\n", stderr);
        return EXIT_FAILED;
    }
    command_line.argc = argc;
    command_line.argv = argv;
    int code = run(L);
    lua_close(L);
    return check_output(code);
}
