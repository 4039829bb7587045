/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include "compat.h"
#include "options.h"
#include "owner.h"

#include <ev.h>
#include <signal.h>
#include <string.h>

static const char type_name[] = "shoal.signal";

/* Those that a program may want to handle; the others mean a fault, or cannot
 * be handled. */
static const char *const names[] = {"HUP",  "INT",  "QUIT", "TERM",
                                    "USR1", "USR2", NULL};
static const int numbers[] = {SIGHUP,  SIGINT,  SIGQUIT,
                              SIGTERM, SIGUSR1, SIGUSR2};

/* Lives in the userdata; the registry keeps that while it watches. */
struct watcher {
    ev_signal signal;
    struct owner *owner;
    const char *name;
    int fn, userdata; /* references */
    bool watching;
};

static void stop(lua_State *L, struct watcher *watcher)
{
    struct ev_loop *loop = ev_default_loop(0);
    if (!watcher->watching)
        return;
    watcher->watching = false;
    ev_ref(loop);
    ev_signal_stop(loop, &watcher->signal);
    luaL_unref(L, LUA_REGISTRYINDEX, watcher->fn);
    luaL_unref(L, LUA_REGISTRYINDEX, watcher->userdata);
}

static void call(lua_State *L, void *context)
{
    const struct watcher *watcher = context;
    lua_rawgeti(L, LUA_REGISTRYINDEX, watcher->fn);
    lua_pushstring(L, watcher->name);
    dispatch_invoke(&watcher->owner->dispatch, L, 1, 0);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
    struct watcher *watcher = signal->data;
    struct owner *owner = watcher->owner;
    (void)loop, (void)events;
    dispatch_run(&owner->dispatch, owner->L, call, watcher, "signal");
}

static int cancel(lua_State *L)
{
    stop(L, luaL_checkudata(L, 1, type_name));
    return 0;
}

static int collect(lua_State *L)
{
    stop(L, lua_touserdata(L, 1)); /* the state is being closed */
    return 0;
}

static void push_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"cancel", cancel},
        {NULL, NULL},
    };
    if (!luaL_newmetatable(L, type_name))
        return;
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
}

static int check_signal(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return options_unknown(L, "core.signal", "signal", name, names);
}

static int watch(lua_State *L)
{
    int which = check_signal(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    struct ev_loop *loop = ev_default_loop(0);
    struct owner *owner = owner_of(L);
    struct watcher *watcher = compat_newblock(L, sizeof *watcher);
    memset(watcher, 0, sizeof *watcher);
    push_metatable(L);
    lua_setmetatable(L, -2);
    watcher->owner = owner;
    watcher->name = names[which];
    lua_pushvalue(L, 2);
    watcher->fn = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, -1);
    watcher->userdata = luaL_ref(L, LUA_REGISTRYINDEX);
    ev_signal_init(&watcher->signal, on_signal, numbers[which]);
    watcher->signal.data = watcher;
    ev_signal_start(loop, &watcher->signal);
    ev_unref(loop);
    watcher->watching = true;
    return 1;
}

void signals_register(lua_State *L)
{
    lua_pushcfunction(L, watch);
    lua_setfield(L, -2, "signal");
}
