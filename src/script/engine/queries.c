/* SPDX-License-Identifier: MIT */
/* What can be asked about an engine alone; inside its questions, too. */
#include "object.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"
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

static int self(lua_State *L)
{
    shoal_member us = shoal_self(object_check_open(L)->core);

    view_push_member(L, &us, 0);
    return 1;
}

static int num_known(lua_State *L)
{
    struct engine_object *object = object_check_open(L);

    lua_pushinteger(L, (lua_Integer)shoal_num_known(object->core));
    return 1;
}

static int describe(lua_State *L)
{
    struct engine_object *object = object_check(L);

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
    {"deadline", deadline},   {"self", self}, {"num_known", num_known},
    {"__tostring", describe}, {NULL, NULL},
};
