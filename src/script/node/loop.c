/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include "../../host/default_loop.h"
#include "../../host/host.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/program.h"
#include "node.h"

static bool has_lua_ev(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "ev");
    bool has = lua_toboolean(L, -1);
    lua_pop(L, 2);
    return has;
}

struct ev_loop *loop_try_default(lua_State *L, struct error *error)
{
    return has_lua_ev(L) ? default_loop_with_children(error)
                         : default_loop(error);
}

static struct ev_loop *check_idle(lua_State *L, const char *who)
{
    struct error error;
    struct ev_loop *loop = loop_try_default(L, &error);
    if (!loop)
        luaL_error(L, "%s: %s", who, error.text);
    if (ev_depth(loop) > 0)
        luaL_error(L, "%s: the loop is running already", who);
    return loop;
}

static void run_once(struct program *program, lua_State *L,
                     struct ev_loop *loop, int flags)
{
    lua_State *before = program_enter(program, L);
    bool in_handler = host_handler_ended(); /* it is not stuck */
    ev_run(loop, flags);
    if (in_handler)
        (void)host_handler_begins(0);
    program_leave(program, before);
}

/* The standalone interpreters answer Ctrl-C with a hook that raises in whatever
 * Lua runs next. That should be the program, and not the handler of an event
 * hours later: so some Lua runs whenever the loop has woken up. */
static void let_hooks_run(lua_State *L, int nothing)
{
    lua_pushvalue(L, nothing);
    protected_plain(L, 0, 0);
}

static int run(lua_State *L)
{
    struct ev_loop *loop = check_idle(L, "shoal.run");
    struct program *program = program_of(L);
    if (luaL_loadstring(L, "return") != LUA_OK)
        return lua_error(L);
    int nothing = lua_gettop(L);
    program->stopped = false;
    while (program->nodes && !program->stopped) {
        run_once(program, L, loop, EVRUN_ONCE);
        let_hooks_run(L, nothing);
    }
    return 0;
}

static int stop(lua_State *L)
{
    struct ev_loop *loop = default_loop_if_made();
    program_of(L)->stopped = true;
    if (loop)
        ev_break(loop, EVBREAK_ONE);
    return 0;
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)timer, (void)events; /* it ends the wait, that is all */
}

int loop_step(lua_State *L)
{
    struct ev_loop *loop = check_idle(L, "step");
    struct program *program = program_of(L);
    uint64_t us =
        lua_isnoneornil(L, 1) ? 0 : options_check_time(L, 1, "step: timeout");
    ev_timer timer;
    if (us == 0) {
        run_once(program, L, loop, EVRUN_NOWAIT);
        return 0;
    }
    ev_now_update(loop);
    ev_timer_init(&timer, on_timeout, options_to_seconds(us), 0.);
    ev_timer_start(loop, &timer);
    run_once(program, L, loop, EVRUN_ONCE);
    ev_timer_stop(loop, &timer);
    return 0;
}

void loop_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"run", run},
        {"stop", stop},
        {"step", loop_step},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
