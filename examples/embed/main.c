/* SPDX-License-Identifier: MIT */
/*
 * A C program with a libev loop and Lua of its own, and a node in both.
 *
 *     embed script.lua [seed]
 *
 * The program's watchers and the node's are in the default loop together; so
 * would be those of lua-ev. The program runs the loop, as it always has, and
 * Lua's handlers are called from it.
 */
#include <ev.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdio.h>

static const char start[] = "local script, seed = ...\n"
                            "local shoal = require 'shoal'\n"
                            "node = assert(shoal.start { handlers = "
                            "dofile(script), join = { seed } })\n"
                            "print('at ' .. node:bound())\n";

static int fail(lua_State *L)
{
    fprintf(stderr, "embed: %s\n", lua_tostring(L, -1));
    lua_close(L);
    return 1;
}

/* Something of the program's own: how many others there are, each second. */
static void on_second(struct ev_loop *loop, ev_timer *timer, int events)
{
    lua_State *L = timer->data;
    (void)loop, (void)events;
    if (luaL_dostring(L, "print(node:num_members() .. ' others')") != 0)
        fprintf(stderr, "embed: %s\n", lua_tostring(L, -1));
    lua_settop(L, 0);
}

static void on_interrupt(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)signal, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

int main(int argc, char **argv)
{
    struct ev_loop *loop = ev_default_loop(0);
    lua_State *L = luaL_newstate();
    ev_signal interrupt, terminate;
    ev_timer second;

    if (argc < 2 || !loop || !L) {
        fputs("usage: embed script.lua [seed]\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    luaL_openlibs(L);
    if (luaL_loadstring(L, start) != 0)
        return fail(L);
    for (int i = 1; i < argc; i++)
        lua_pushstring(L, argv[i]);
    if (lua_pcall(L, argc - 1, 0, 0) != 0)
        return fail(L);

    ev_timer_init(&second, on_second, 1., 1.);
    second.data = L;
    ev_timer_start(loop, &second);
    ev_signal_init(&interrupt, on_interrupt, SIGINT);
    ev_signal_start(loop, &interrupt);
    ev_signal_init(&terminate, on_interrupt, SIGTERM);
    ev_signal_start(loop, &terminate);
    ev_run(loop, 0);

    if (luaL_dostring(L, "node:leave() node:close()") != 0)
        return fail(L);
    lua_close(L);
    return 0;
}
