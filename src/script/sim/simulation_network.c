/* SPDX-License-Identifier: MIT */
#include "simulation.h"

#include "../../lua/options.h"

#include <stdlib.h>

/* ---- Options ---- */

static double read_chance(lua_State *L, int index, const char *who,
                          const char *name, double fallback)
{
    double chance = options_number(L, index, who, name, fallback);
    if (!(chance >= 0 && chance <= 1)) {
        lua_pushnumber(L, chance);
        options_error(L, who, name, "must be a probability from 0 to 1", -1);
    }
    return chance;
}

static uint64_t to_us(lua_State *L, const char *who, const char *name)
{
    uint64_t us = 0;
    if (lua_type(L, -1) != LUA_TNUMBER ||
        !options_to_us(lua_tonumber(L, -1), &us))
        options_error(L, who, name, "must be seconds, 0 or more", -1);
    return us;
}

static uint64_t read_time(lua_State *L, int index, const char *who,
                          const char *name, uint64_t fallback_us)
{
    if (options_get(L, index, name) != LUA_TNIL)
        fallback_us = to_us(L, who, name);
    lua_pop(L, 1);
    return fallback_us;
}

/* { low, high, distribution= } */
static sim_latency read_range(lua_State *L, const char *who)
{
    static const char *const distributions[] = {"uniform", "exponential", NULL};
    sim_latency latency;
    int list = lua_gettop(L);
    lua_rawgeti(L, list, 1);
    latency.low_us = to_us(L, who, "latency");
    lua_rawgeti(L, list, 2);
    latency.high_us = to_us(L, who, "latency");
    if (latency.high_us < latency.low_us)
        luaL_error(L, "%s: option 'latency': %f is less than %f", who,
                   lua_tonumber(L, -1), lua_tonumber(L, -2));
    lua_settop(L, list);
    latency.distribution =
        options_choice(L, list, who, "distribution", distributions, 0) == 1
            ? SIM_EXPONENTIAL
            : SIM_UNIFORM;
    return latency;
}

static void read_latency(lua_State *L, int index, const char *who,
                         sim_latency *latency)
{
    int type = options_get(L, index, "latency");
    if (type == LUA_TTABLE) {
        *latency = read_range(L, who);
    } else if (type != LUA_TNIL) {
        latency->distribution = SIM_UNIFORM;
        latency->low_us = latency->high_us = to_us(L, who, "latency");
    }
    lua_pop(L, 1);
}

void simulation_read_network(lua_State *L, int index, const char *who,
                             sim_network *network)
{
    read_latency(L, index, who, &network->latency);
    network->loss = read_chance(L, index, who, "loss", network->loss);
    network->duplicate =
        read_chance(L, index, who, "duplicate", network->duplicate);
    network->reorder = read_chance(L, index, who, "reorder", network->reorder);
    network->reorder_by_us =
        read_time(L, index, who, "reorder_by", network->reorder_by_us);
    network->corrupt = read_chance(L, index, who, "corrupt", network->corrupt);
    network->max_packet = (size_t)options_integer(
        L, index, who, "max_packet", 0, 65536, (double)network->max_packet);
}

static int set(lua_State *L)
{
    static const char *const names[] = {"latency",    "loss",       "duplicate",
                                        "reorder",    "reorder_by", "corrupt",
                                        "max_packet", NULL};
    struct simulation *s = simulation_check(L);
    sim_network network = sim_get_network(s->net);
    lua_settop(L, 2);
    options_check(L, 2, "net:set", names, false);
    simulation_read_network(L, 2, "net:set", &network);
    sim_set_network(s->net, &network);
    return 0;
}

/* ---- Cuts ---- */

void simulation_free_cuts(struct simulation *s)
{
    for (size_t i = 0; i < s->num_cuts; i++)
        sim_cut_free(s->net, s->cuts[i]);
    free(s->cuts);
    s->cuts = NULL;
    s->num_cuts = 0;
}

/* The list of places at `arg`, as memory of Lua's; nil: the rest. */
static const uint32_t *read_places(lua_State *L, int arg,
                                   const struct simulation *s, uint32_t *count)
{
    *count = SIM_REST;
    if (lua_isnil(L, arg))
        return NULL;
    luaL_checktype(L, arg, LUA_TTABLE);
    *count = (uint32_t)lua_rawlen(L, arg);
    uint32_t *places = compat_newblock(L, (*count + 1) * sizeof *places);
    for (uint32_t i = 0; i < *count; i++) {
        lua_rawgeti(L, arg, (int)i + 1);
        places[i] = simulation_check_place(L, -1, s);
        lua_pop(L, 1);
    }
    return places;
}

static bool add_cut(struct simulation *s, sim_cut *cut)
{
    sim_cut **cuts =
        cut ? realloc(s->cuts, (s->num_cuts + 1) * sizeof *cuts) : NULL;
    if (!cuts) {
        sim_cut_free(s->net, cut);
        return false;
    }
    s->cuts = cuts;
    cuts[s->num_cuts++] = cut;
    return true;
}

/* cut(from, to, loss) -> number: lists of places, nil for the rest */
static int cut(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    uint32_t num_from, num_to;
    lua_Number loss = luaL_checknumber(L, 4);
    luaL_argcheck(L, loss >= 0 && loss <= 1, 4, "must be from 0 to 1");
    const uint32_t *from = read_places(L, 2, s, &num_from);
    const uint32_t *to = read_places(L, 3, s, &num_to);
    luaL_argcheck(L, from || to, 3, "'rest' needs another group");
    if (!add_cut(s, sim_cut_new(s->net, from, num_from, to, num_to, loss)))
        return luaL_error(L, "not enough memory");
    lua_pushinteger(L, (lua_Integer)s->num_cuts);
    return 1;
}

/* heal(number): once */
static int heal(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    lua_Number number = luaL_checknumber(L, 2);
    luaL_argcheck(L, number >= 1 && number <= (lua_Number)s->num_cuts, 2,
                  "no such cut");
    sim_cut **at = &s->cuts[(size_t)number - 1];
    sim_cut_free(s->net, *at);
    *at = NULL;
    return 0;
}

const luaL_Reg simulation_network[] = {
    {"set", set},
    {"cut", cut},
    {"heal", heal},
    {NULL, NULL},
};
