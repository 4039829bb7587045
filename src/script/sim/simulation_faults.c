/* SPDX-License-Identifier: MIT */
#include "simulation.h"

#include "../../lua/options.h"
#include "../node/methods/methods.h"
#include "../node/node.h"
#include "backend_sim.h"

#include <stdlib.h>

static int pause_node(lua_State *L)
{
    sim_pause(simulation_check_node(L, 2, simulation_check(L)));
    return 0;
}

static int resume(lua_State *L)
{
    sim_resume(simulation_check_node(L, 2, simulation_check(L)));
    return 0;
}

static int is_paused(lua_State *L)
{
    const struct simulation *s = simulation_check(L);
    const sim_node *node = sim_node_at(s->net, simulation_check_place(L, 2, s));
    lua_pushboolean(L, node && sim_is_paused(node));
    return 1;
}

static int slow(lua_State *L)
{
    sim_node *node = simulation_check_node(L, 2, simulation_check(L));
    sim_set_slowness(node, options_check_time(L, 3, "net:slow: seconds"));
    return 0;
}

static int step_clock(lua_State *L)
{
    sim_node *node = simulation_check_node(L, 2, simulation_check(L));
    lua_Number seconds = luaL_checknumber(L, 3);
    luaL_argcheck(L, seconds > -1e9 && seconds < 1e9, 3,
                  "must be a number of seconds");
    sim_step_clock(node, (int64_t)(seconds * 1e6));
    return 0;
}

/* set_wall_clock(place, seconds) */
static int set_wall_clock(lua_State *L)
{
    sim_node *node = simulation_check_node(L, 2, simulation_check(L));
    lua_Number seconds = luaL_checknumber(L, 3);
    luaL_argcheck(L, seconds > -1e10 && seconds < 1e10, 3,
                  "must be a number of seconds");
    sim_set_wall_clock(node, (int64_t)(seconds * 1e6));
    return 0;
}

/* ---- A recorder of packets ---- */

/* wiretap(records) */
static int wiretap(lua_State *L)
{
    sim_wiretap(simulation_check(L)->net, lua_toboolean(L, 2));
    return 0;
}

/* replay() -> how many */
static int replay(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)sim_replay(simulation_check(L)->net));
    return 1;
}

/* ---- Crashing ---- */

static void crash_now(struct node *node)
{
    backend_sim_will_crash(node->backend);
    node_abandon(node);
}

static void crash_held(void *context)
{
    struct node *node = context;
    if (node->phase == NODE_LIVE)
        crash_now(node);
    node_release(node);
}

/* Something of it is on the stack: it is to return first. */
static bool crash_later(struct simulation *s, struct node *node)
{
    node_hold(node);
    if (sim_at(s->net, sim_now(s->net), crash_held, node))
        return true;
    node_release(node);
    return false;
}

/* crash(place[, now]) -> is it gone? Not if something of it is on the stack:
 * then it goes after that has returned or, with `now`, does not go. */
static int crash(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    uint32_t place = sim_place(simulation_check_node(L, 2, s));
    struct node *node = backend_sim_node(s->net, place);
    bool later = node->scopes.depth > 0 || node_is_asking(node) ||
                 methods_are_running(L, NULL);
    if (later && !lua_toboolean(L, 3) && !crash_later(s, node))
        return luaL_error(L, "not enough memory");
    if (!later) {
        lua_State *before = program_enter(&s->owner, L);
        crash_now(node);
        program_leave(&s->owner, before);
    }
    lua_pushboolean(L, !later);
    return 1;
}

const luaL_Reg simulation_faults[] = {
    {"pause", pause_node},
    {"resume", resume},
    {"is_paused", is_paused},
    {"slow", slow},
    {"step_clock", step_clock},
    {"crash", crash},
    {"wiretap", wiretap},
    {"replay", replay},
    {"set_wall_clock", set_wall_clock},
    {NULL, NULL},
};
