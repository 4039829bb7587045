/* SPDX-License-Identifier: MIT */
/* What can be asked about an engine; inside its questions, too. */
#include "object.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "config.h"
#include "view.h"

/* The `now` of the next tick, or nil. */
static int deadline(lua_State *L)
{
    uint64_t due = shoal_next_deadline(object_check_open(L)->core);

    if (due == SHOAL_NEVER)
        lua_pushnil(L);
    else
        lua_pushnumber(L, options_to_seconds(due));
    return 1;
}

static int identity(lua_State *L)
{
    view_push_identity(L, object_check_open(L)->core);
    return 1;
}

static int self(lua_State *L)
{
    shoal_member us = shoal_self(object_check_open(L)->core);

    view_push_member(L, &us, 0);
    return 1;
}

static int connection(lua_State *L)
{
    struct object *object = object_check_open(L);

    lua_pushstring(
        L, shoal_connection_name((int)shoal_get_connection(object->core)));
    return 1;
}

static int num_members(lua_State *L)
{
    struct object *object = object_check_open(L);

    lua_pushinteger(L, (lua_Integer)shoal_num_members(object->core));
    return 1;
}

static int num_known(lua_State *L)
{
    struct object *object = object_check_open(L);

    lua_pushinteger(L, (lua_Integer)shoal_num_known(object->core));
    return 1;
}

/* members{ state = "alive", where = function(member) ... end } */
static int members(lua_State *L)
{
    struct object *object = object_check_open(L);

    view_push_members(L, object->core, 2, "members", 0);
    return 1;
}

static int member(lua_State *L)
{
    struct object *object = object_check_open(L);

    view_push_member_at(L, object->core, 2, 0);
    return 1;
}

static int state(lua_State *L)
{
    struct object *object = object_check_open(L);

    view_push_state(L, object->core, 0);
    return 1;
}

static int backlog(lua_State *L)
{
    struct object *object = object_check_open(L);

    lua_createtable(L, 0, 2);
    lua_pushinteger(L, (lua_Integer)shoal_num_updates(object->core));
    lua_setfield(L, -2, "updates");
    lua_pushinteger(L, (lua_Integer)shoal_num_broadcasts(object->core));
    lua_setfield(L, -2, "broadcasts");
    return 1;
}

static int config(lua_State *L)
{
    shoal_config present = *shoal_get_config(object_check_open(L)->core);

    config_push(L, &present);
    return 1;
}

/* The engine's counters, its allocator's, and its handlers'. */
static int stats(lua_State *L)
{
    struct object *object = object_check_open(L);

    view_push_stats(L, object->core);
    lua_pushnumber(L, (lua_Number)object->memory.calls);
    lua_setfield(L, -2, "allocations");
    dispatch_push_counts(L, &object->counts);
    if (object->last_error[0] != '\0') {
        lua_pushstring(L, object->last_error);
        lua_setfield(L, -2, "last_error");
    }
    lua_setfield(L, -2, "handlers");
    return 1;
}

static int describe(lua_State *L)
{
    struct object *object = object_check(L);

    if (!object->core)
        lua_pushliteral(L, OBJECT_NAME " (closed)");
    else
        lua_pushfstring(
            L, OBJECT_NAME " (%s, %d members)",
            shoal_connection_name((int)shoal_get_connection(object->core)),
            (int)shoal_num_members(object->core));
    return 1;
}

const luaL_Reg queries_methods[] = {
    {"deadline", deadline},
    {"identity", identity},
    {"self", self},
    {"connection", connection},
    {"num_members", num_members},
    {"num_known", num_known},
    {"members", members},
    {"member", member},
    {"state", state},
    {"backlog", backlog},
    {"config", config},
    {"stats", stats},
    {"__tostring", describe},
    {NULL, NULL},
};
