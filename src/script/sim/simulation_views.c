/* SPDX-License-Identifier: MIT */
#include "simulation.h"

#include "../../lua/options.h"
#include "../../lua/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nothing for never. */
static void set_moment(lua_State *L, const char *name, uint64_t us)
{
    if (us == SHOAL_NEVER)
        return;
    lua_pushnumber(L, options_to_seconds(us));
    lua_setfield(L, -2, name);
}

/* ---- Who sees whom ---- */

/* Of whoever takes part: runs, and has not left. NULL: nobody. */
static shoal *engine_at(const struct simulation *s, uint32_t place)
{
    sim_node *node = sim_node_at(s->net, place);
    shoal *engine = node ? sim_engine(node) : NULL;
    if (engine && shoal_get_connection(engine) == SHOAL_CONNECTION_DEFUNCT)
        return NULL;
    return engine;
}

static size_t count_members(const struct simulation *s)
{
    size_t count = 0;
    for (uint32_t i = 0; i < sim_num_places(s->net); i++)
        count += engine_at(s, i) != NULL;
    return count;
}

static bool sees(const shoal *engine, const shoal *other)
{
    shoal_member self = shoal_self(other), known;
    return shoal_find_identity(engine, self.id, &known) &&
           known.state != SHOAL_DOWN;
}

/* The first place whose member this one does not see, or -1 - the count that it
 * sees too many or too few when it sees all of them. SIM_REST: it agrees. */
static bool agrees(const struct simulation *s, const shoal *engine,
                   size_t members, uint32_t *unseen)
{
    uint32_t places = sim_num_places(s->net);
    *unseen = places;
    if (shoal_num_members(engine) > members - 1)
        return false; /* some who are not there */
    for (uint32_t i = 0; i < places; i++) {
        const shoal *other = engine_at(s, i);
        if (other && other != engine && !sees(engine, other)) {
            *unseen = i;
            return false;
        }
    }
    return true;
}

/* converged() -> true | false, place, place that it does not see (nil: it sees
 * some who are not there) */
static int converged(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    uint32_t places = sim_num_places(s->net), unseen;
    size_t members = count_members(s);
    for (uint32_t i = 0; i < places; i++) {
        uint32_t place = (s->doubter + i) % places;
        const shoal *engine = engine_at(s, place);
        if (!engine || agrees(s, engine, members, &unseen))
            continue;
        s->doubter = place;
        lua_pushboolean(L, false);
        lua_pushinteger(L, (lua_Integer)place);
        if (unseen == places)
            return 2;
        lua_pushinteger(L, (lua_Integer)unseen);
        return 3;
    }
    lua_pushboolean(L, true);
    return 1;
}

static int by_size(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* census() -> how many take part; then how many, itself included, the members
 * take for active: the fewest, the median, the most (nothing when nobody is
 * there) */
static int census(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    uint32_t places = sim_num_places(s->net), count = 0;
    uint32_t *sizes = compat_newblock(L, (places + 1) * sizeof *sizes);
    for (uint32_t i = 0; i < places; i++) {
        const shoal *engine = engine_at(s, i);
        if (engine)
            sizes[count++] = (uint32_t)shoal_num_members(engine) + 1;
    }
    qsort(sizes, count, sizeof *sizes, by_size);
    lua_pushinteger(L, (lua_Integer)count);
    if (count == 0)
        return 1;
    lua_pushinteger(L, (lua_Integer)sizes[0]);
    lua_pushinteger(L, (lua_Integer)sizes[count / 2]);
    lua_pushinteger(L, (lua_Integer)sizes[count - 1]);
    return 4;
}

static int is_up(lua_State *L)
{
    const struct simulation *s = simulation_check(L);
    const uint32_t place = simulation_check_place(L, 2, s);
    lua_pushboolean(L, sim_node_at(s->net, place) != NULL);
    return 1;
}

/* ---- Numbers ---- */

static int counts(lua_State *L)
{
    sim_counts all = sim_get_counts(simulation_check(L)->net);
    lua_createtable(L, 0, 9);
    value_set_count(L, "events", all.events);
    value_set_count(L, "packets", all.packets);
    value_set_count(L, "bytes", all.bytes);
    value_set_count(L, "delivered", all.delivered);
    value_set_count(L, "lost", all.lost);
    value_set_count(L, "duplicated", all.duplicated);
    value_set_count(L, "reordered", all.reordered);
    value_set_count(L, "corrupted", all.corrupted);
    return 1;
}

static int trace(lua_State *L)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64,
             sim_trace(simulation_check(L)->net));
    lua_pushstring(L, text);
    return 1;
}

static int traffic(lua_State *L)
{
    sim_node *node = simulation_check_node(L, 2, simulation_check(L));
    sim_traffic all = sim_node_traffic(node);
    lua_createtable(L, 0, 6);
    value_set_count(L, "packets_sent", all.packets_sent);
    value_set_count(L, "bytes_sent", all.bytes_sent);
    value_set_count(L, "packets_received", all.packets_received);
    value_set_count(L, "bytes_received", all.bytes_received);
    value_set_count(L, "foreign", all.foreign);
    value_set_count(L, "foreign_key", all.foreign_key);
    value_set_count(L, "unauthentic", all.unauthentic);
    value_set_count(L, "replayed", all.replayed);
    value_set_count(L, "unproven", all.unproven);
    value_set_count(L, "nowhere", all.nowhere);
    return 1;
}

/* ---- What is observed ---- */

static void push_moments(lua_State *L, const uint64_t *list, size_t count)
{
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushnumber(L, options_to_seconds(list[i]));
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* record(place) -> { wrong_downs=, excused_downs=, renewals=, returns=, ended=,
 * noticed= } */
static int record(lua_State *L)
{
    const struct simulation *s = simulation_check(L);
    sim_record record = sim_get_record(s->net, simulation_check_place(L, 2, s));
    if (record.unnoted > 0)
        return luaL_error(L, "out of memory: the record is incomplete");
    lua_createtable(L, 0, 7);
    value_set_count(L, "wrong_downs", record.wrong_downs);
    value_set_count(L, "excused_downs", record.excused_downs);
    value_set_count(L, "renewals", record.renewals);
    value_set_count(L, "returns", record.returns);
    set_moment(L, "ended", record.ended_us);
    push_moments(L, record.noticed_us, record.num_noticed);
    lua_setfield(L, -2, "noticed");
    return 1;
}

/* watch(data, place) */
static int watch(lua_State *L)
{
    struct simulation *s = simulation_check(L);
    shoal_bytes data;
    data.data = (const uint8_t *)luaL_checklstring(L, 2, &data.size);
    luaL_argcheck(L, data.size > 0, 2, "the data to watch for is empty");
    if (!sim_watch(s->net, data, simulation_check_place(L, 3, s)))
        return luaL_error(L, "not enough memory");
    return 0;
}

/* seen(place) -> seconds, or nil; copies */
static int seen(lua_State *L)
{
    const struct simulation *s = simulation_check(L);
    uint32_t place = simulation_check_place(L, 2, s);
    uint64_t us = sim_seen(s->net, place);
    if (us == SHOAL_NEVER)
        lua_pushnil(L);
    else
        lua_pushnumber(L, options_to_seconds(us));
    lua_pushnumber(L, (lua_Number)sim_copies(s->net, place));
    return 2;
}

const luaL_Reg simulation_views[] = {
    {"converged", converged}, {"census", census},
    {"is_up", is_up},         {"counts", counts},
    {"trace", trace},         {"traffic", traffic},
    {"record", record},       {"watch", watch},
    {"seen", seen},           {NULL, NULL},
};
