/* SPDX-License-Identifier: MIT */
/*
 * What a script's own state is furnished with in a simulation, so that it runs
 * unchanged and the same every time:
 *   os.time, os.date, os.clock   the member's virtual clock
 *   math.random                  begins from the simulation's seed
 *   pairs                        numbers, then strings, then booleans, each in
 *                                order; Lua's own order of strings differs from
 *                                state to state. Keys of other types come last,
 *                                in no order that could be kept
 *   collectgarbage               with a short pause
 */
#include "simulation.h"

#include "../node/node.h"
#include "backend_sim.h"

#include <string.h>

/* ---- The clock ---- */

struct clock {
    struct simulation *simulation;
    struct node *node;
};

/* While the script loads, the node has no clock of its own yet. */
static uint64_t wall_us(lua_State *L)
{
    const struct clock *clock = lua_touserdata(L, lua_upvalueindex(1));
    struct backend *backend = clock->node->backend;
    return backend ? backend->ops->wall_us(backend)
                   : SIM_EPOCH_US + sim_now(clock->simulation->net);
}

static void push_seconds(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)(wall_us(L) / 1000000));
}

/* Upvalues: the clock, Lua's own. */
static int call_own(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    protected_plain(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* os.time(), os.time{...} */
static int os_time(lua_State *L)
{
    if (!lua_isnoneornil(L, 1))
        return call_own(L);
    push_seconds(L);
    return 1;
}

/* os.date(), os.date(format), os.date(format, time) */
static int os_date(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_isnil(L, 1)) {
        lua_pushliteral(L, "%c");
        lua_replace(L, 1);
    }
    if (lua_isnil(L, 2)) {
        push_seconds(L);
        lua_replace(L, 2);
    }
    return call_own(L);
}

static int os_clock(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)(wall_us(L) - SIM_EPOCH_US) / 1e6);
    return 1;
}

/* STACK: ..., library, clock */
static void set_clock(lua_State *L, const char *name, lua_CFunction function)
{
    int clock = lua_gettop(L);
    lua_pushvalue(L, clock);
    lua_getfield(L, clock - 1, name);
    lua_pushcclosure(L, function, 2);
    lua_setfield(L, clock - 1, name);
}

static void put_clock(struct simulation *s, struct node *node, lua_State *L)
{
    lua_getglobal(L, "os");
    struct clock *clock = compat_newblock(L, sizeof *clock);
    *clock = (struct clock){.simulation = s, .node = node};
    set_clock(L, "time", os_time);
    set_clock(L, "date", os_date);
    set_clock(L, "clock", os_clock);
    lua_pop(L, 2);
}

/* ---- Chance ---- */

static void put_seed(struct simulation *s, lua_State *L)
{
    lua_getglobal(L, "math");
    lua_getfield(L, -1, "randomseed");
    lua_pushinteger(L, (lua_Integer)(sim_random(s->net) >> 33));
    protected_plain(L, 1, 0);
    lua_pop(L, 1);
}

/* ---- Order ---- */

static int rank(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        return 0;
    case LUA_TSTRING:
        return 1;
    case LUA_TBOOLEAN:
        return 2;
    default:
        return 3;
    }
}

static bool string_before(lua_State *L)
{
    size_t left_size, right_size;
    const char *left = lua_tolstring(L, 1, &left_size);
    const char *right = lua_tolstring(L, 2, &right_size);
    size_t common = left_size < right_size ? left_size : right_size;
    int order = memcmp(left, right, common);
    return order != 0 ? order < 0 : left_size < right_size;
}

static bool number_before(lua_State *L)
{
#if LUA_VERSION_NUM >= 502
    return lua_compare(L, 1, 2, LUA_OPLT);
#else
    return lua_lessthan(L, 1, 2);
#endif
}

/* For table.sort: does the key at 1 come before the one at 2? */
static int before(lua_State *L)
{
    int left = rank(L, 1), right = rank(L, 2);
    bool answer = left < right;
    if (left == right && left == 0)
        answer = number_before(L);
    else if (left == right && left == 1)
        answer = string_before(L);
    else if (left == right && left == 2)
        answer = !lua_toboolean(L, 1) && lua_toboolean(L, 2);
    lua_pushboolean(L, answer);
    return 1;
}

/* STACK: table -> table, list of the keys that have an order, list of the
 * others */
static void list_keys(lua_State *L)
{
    int ordered = 0, others = 0;
    lua_newtable(L); /* 2 */
    lua_newtable(L); /* 3 */
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        bool has_order = rank(L, 4) < 3;
        lua_pushvalue(L, 4);
        lua_rawseti(L, has_order ? 2 : 3, has_order ? ++ordered : ++others);
    }
}

/* The iterator. Upvalues: list of keys, how many were taken. A key whose value
 * went meanwhile is left out, as next() would. */
static int next_key(lua_State *L)
{
    lua_Integer taken = lua_tointeger(L, lua_upvalueindex(2));
    lua_settop(L, 1);
    for (;;) {
        lua_rawgeti(L, lua_upvalueindex(1), (int)++taken); /* 2 */
        if (lua_isnil(L, 2))
            return 1;
        lua_pushvalue(L, 2);
        lua_rawget(L, 1); /* 3 */
        if (!lua_isnil(L, 3))
            break;
        lua_settop(L, 1);
    }
    lua_pushinteger(L, taken);
    lua_replace(L, lua_upvalueindex(2));
    return 2;
}

/* Upvalues: table.sort, Lua's own pairs. */
static int sorted_pairs(lua_State *L)
{
    lua_settop(L, 1);
    if (!lua_istable(L, 1) || luaL_getmetafield(L, 1, "__pairs")) {
        lua_settop(L, 1);
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_insert(L, 1);
        protected_plain(L, 1, 3);
        return 3;
    }
    list_keys(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 2);
    lua_pushcfunction(L, before);
    protected_plain(L, 2, 0);
    int ordered = (int)lua_rawlen(L, 2), others = (int)lua_rawlen(L, 3);
    for (int i = 1; i <= others; i++) {
        lua_rawgeti(L, 3, i);
        lua_rawseti(L, 2, ordered + i);
    }
    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_key, 2);
    lua_pushvalue(L, 1);
    return 2; /* the third is nil */
}

static void put_order(lua_State *L)
{
    lua_getglobal(L, "table");
    lua_getfield(L, -1, "sort");
    lua_getglobal(L, "pairs");
    lua_pushcclosure(L, sorted_pairs, 2);
    lua_setglobal(L, "pairs");
    lua_pop(L, 1);
}

/* ---- Garbage ---- */

/* Thousands of small states: by default each would keep as much garbage as it
 * has use for, and together they would be a tenth of a large simulation. */
static void put_collector(lua_State *L)
{
    enum { PAUSE = 120 /* percent of what is in use */ };
    lua_gc(L, LUA_GCSETPAUSE, PAUSE);
}

void script_globals_put(struct simulation *s, struct node *node, lua_State *L)
{
    put_collector(L);
    put_clock(s, node, L);
    put_seed(s, L);
    put_order(L);
}
