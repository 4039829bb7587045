/* SPDX-License-Identifier: MIT */
#include "simulation.h"

#include "../../base/list.h"
#include "../../lua/active_methods.h"
#include "../../lua/class.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/refs.h"
#include "../../lua/value.h"
#include "../node/methods/methods.h"
#include "../node/methods/start.h"
#include "backend_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char type_name[] = "shoal.simulation";

/* ---- Checks ---- */

struct simulation *simulation_check(lua_State *L)
{
    struct simulation *s = luaL_checkudata(L, 1, type_name);
    if (!s->net)
        luaL_error(L, "the simulation is closed");
    return s;
}

uint32_t simulation_check_place(lua_State *L, int arg,
                                const struct simulation *s)
{
    lua_Number number = luaL_checknumber(L, arg);
    luaL_argcheck(L, number >= 0 && number < sim_num_places(s->net), arg,
                  "no such place");
    return (uint32_t)number;
}

sim_node *simulation_check_node(lua_State *L, int arg,
                                const struct simulation *s)
{
    sim_node *node = sim_node_at(s->net, simulation_check_place(L, arg, s));
    luaL_argcheck(L, node && sim_engine(node), arg,
                  "no member runs at that address");
    return node;
}

/* ---- A world for nodes ---- */

static struct simulation *from(struct world *world)
{
    return (struct simulation *)world;
}

static struct backend *open_backend(struct world *world,
                                    const host_options *options,
                                    struct error *error)
{
    struct simulation *s = from(world);
    return backend_sim_open(s->net, &s->mocks, options, error);
}

static uint64_t draw_seed(struct world *world)
{
    return sim_random(from(world)->net);
}

static void set_globals(struct world *world, struct node *node, lua_State *L)
{
    script_globals_put(from(world), node, L);
}

/* spawn(options) -> node, place, addr | nil, message, code */
static int spawn(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    lua_remove(L, 1); /* it keeps itself */
    int results = start_node(L, &s->owner, &s->world);
    if (results != 1)
        return results;
    lua_replace(L, 1);
    lua_settop(L, 1);
    struct node *node = methods_check_open(L);
    lua_pushinteger(L, (lua_Integer)backend_sim_place(node->backend));
    value_push_addr(L, shoal_self(node_engine(node)).addr);
    return 3;
}

/* ---- Time ---- */

/* A function of the program's that is called at some moment. */
struct simulation_call {
    struct simulation *simulation;
    struct simulation_call *next, **place; /* in the simulation's list */
    int fn;                                /* reference */
};

static void free_call(lua_State *L, struct simulation_call *call)
{
    LIST_REMOVE(call);
    refs_free(L, &call->fn);
    free(call);
}

static void call_fn(lua_State *L, void *context)
{
    struct simulation_call *call = context;
    struct simulation *s = call->simulation;
    refs_push(L, call->fn);
    free_call(L, call);
    protected_invoke(&s->owner.caller, L, 0, 0);
}

static void call_back(void *context)
{
    struct simulation_call *call = context;
    struct program *owner = &call->simulation->owner;
    protected_run(&owner->caller, owner->L, call_fn, call, "after");
}

/* after(seconds, fn) */
static int after(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    uint64_t us = options_check_time(L, 2, "net:after: seconds");
    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_settop(L, 3);
    int fn = refs_new(L);
    struct simulation_call *call = calloc(1, sizeof *call);
    if (!call || !sim_at(s->net, sim_now(s->net) + us, call_back, call)) {
        refs_free(L, &fn);
        free(call);
        return luaL_error(L, "not enough memory");
    }
    *call = (struct simulation_call){.simulation = s, .fn = fn};
    LIST_PUSH(s->calls, call);
    return 0;
}

/* What a function of the program's raises comes out of run(). */
static void note_failure(void *context, const protected_report *report)
{
    struct simulation *s = context;
    if (report->text && s->failure[0] == '\0')
        snprintf(s->failure, sizeof s->failure, "%s", report->text);
}

/* run(seconds): to that moment, unless it has passed */
static int run(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    uint64_t until_us = options_check_time(L, 2, "net:run: seconds");
    if (s->running)
        return luaL_error(L, "net:run: the network is running already");
    s->failure[0] = '\0';
    s->running = true;
    lua_State *before = program_enter(&s->owner, L);
    while (s->failure[0] == '\0' && sim_step(s->net, until_us))
        continue;
    program_leave(&s->owner, before);
    s->running = false;
    if (s->failure[0] == '\0')
        return 0;
    lua_pushstring(L, s->failure);
    return lua_error(L);
}

static int now(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    lua_pushnumber(L, options_to_seconds(sim_now(s->net)));
    return 1;
}

/* random(m) -> 1 to m */
static int choose(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    lua_Number bound = luaL_checknumber(L, 2);
    luaL_argcheck(L, bound >= 1 && bound <= 0x1p32, 2,
                  "must be from 1 to 2^32");
    double fraction = (double)(sim_random(s->net) >> 11) * 0x1p-53;
    lua_pushnumber(L, (lua_Number)(uint64_t)(fraction * bound) + 1);
    return 1;
}

/* ---- Its end ---- */

static void end(lua_State *L, struct simulation *s)
{
    while (s->owner.nodes) {
        struct node *node = node_of(s->owner.nodes);
        backend_sim_will_crash(node->backend);
        node_abandon(node);
    }
    while (s->calls)
        free_call(L, s->calls);
    mocks_clear(&s->mocks, L);
    simulation_free_cuts(s);
    sim_free(s->net);
    s->net = NULL;
    program_clear(&s->owner, L);
    refs_free(L, &s->self);
}

/* Is code of a member on the stack, or a question of its engine, or a method?
 */
static bool is_in_use(lua_State *L, const struct simulation *s)
{
    static const luaL_Reg *const lists[] = {simulation_network,
                                            simulation_faults, simulation_views,
                                            simulation_mocks, NULL};
    static const luaL_Reg opening[] = {{"spawn", spawn}, {NULL, NULL}};
    static const luaL_Reg *const openings[] = {opening, NULL};
    if (methods_are_running(L, NULL) || active_methods_any(L, s, lists) ||
        active_methods_any(L, NULL, openings)) /* which has let go of `s` */
        return true;
    for (struct program_node *i = s->owner.nodes; i; i = i->next) {
        if (node_of(i)->scopes.depth > 0 || node_is_asking(node_of(i)))
            return true;
    }
    return s->running;
}

static int close_simulation(lua_State *L)
{
    struct simulation *s = luaL_checkudata(L, 1, type_name);
    if (!s->net)
        return 0;
    if (is_in_use(L, s))
        return luaL_error(L, "net:close: the network is running");
    lua_State *before = program_enter(&s->owner, L);
    end(L, s);
    program_leave(&s->owner, before);
    return 0;
}

/* With its state, which is being closed. */
static int collect(lua_State *L)
{
    struct simulation *s = lua_touserdata(L, 1);
    if (s->net)
        end(L, s);
    return 0;
}

/* ---- The object ---- */

static const luaL_Reg life[] = {
    {"spawn", spawn}, {"after", after},   {"run", run},
    {"now", now},     {"random", choose}, {"close", close_simulation},
    {NULL, NULL},
};

static void push_metatable(lua_State *L)
{
    if (!class_begin(L, type_name))
        return;
    lua_newtable(L);
    luaL_setfuncs(L, life, 0);
    luaL_setfuncs(L, simulation_network, 0);
    luaL_setfuncs(L, simulation_faults, 0);
    luaL_setfuncs(L, simulation_views, 0);
    luaL_setfuncs(L, simulation_mocks, 0);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pushstring(L, type_name);
    lua_setfield(L, -2, "__metatable");
    class_end(L, type_name);
}

static uint64_t read_seed(lua_State *L)
{
    return (uint64_t)options_integer(L, 1, "sim.new", "seed", 0,
                                     9007199254740992.0, 1);
}

/* simulation{ seed=, and those of the network } */
static int new_simulation(lua_State *L)
{
    static const char *const names[] = {"seed",      "latency",    "loss",
                                        "duplicate", "reorder",    "reorder_by",
                                        "corrupt",   "max_packet", NULL};
    sim_network network = {.latency = {SIM_UNIFORM, 500, 2000},
                           .reorder_by_us = 10000};
    lua_settop(L, 1);
    options_check(L, 1, "sim.new", names, true);
    simulation_read_network(L, 1, "sim.new", &network);
    uint64_t seed = read_seed(L);
    struct simulation *s = compat_newblock(L, sizeof *s);
    memset(s, 0, sizeof *s);
    push_metatable(L);
    lua_setmetatable(L, -2);
    s->world = (struct world){
        .open = open_backend, .seed = draw_seed, .set_globals = set_globals};
    s->net = sim_new(seed, &network); /* from now on collecting it ends it */
    if (!s->net)
        return luaL_error(L, "not enough memory");
    program_init(&s->owner, L);
    mocks_init(&s->mocks, &s->owner);
    s->owner.caller.context = s;
    s->owner.caller.report = note_failure;
    s->owner.caller.slow_us = 0;
    lua_pushvalue(L, -1);
    s->self = refs_new(L);
    return 1;
}

void simulation_register(lua_State *L)
{
    lua_pushcfunction(L, new_simulation);
    lua_setfield(L, -2, "simulation");
}
