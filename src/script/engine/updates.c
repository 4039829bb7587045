/* SPDX-License-Identifier: MIT */
#include "updates.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/value.h"
#include "view.h"

#include <stdio.h>
#include <string.h>

/* What a claim may have: the last four are those of a member that was told,
 * which may be given back as it is. */
static const char *const claim_keys[] = {"id",   "state", "incarnation", "from",
                                         "addr", "since", "reason",      "rtt",
                                         "tags", NULL};

static void check_claim_keys(lua_State *L, int index, const char *who)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "%s: the keys of a claim must be names, got %s", who,
                       options_describe(L, -1));
        if (!options_is_among(lua_tostring(L, -1), claim_keys))
            options_unknown(L, who, "key", lua_tostring(L, -1), claim_keys);
    }
}

/* A single claim in place of a list would be an empty list. */
static void check_is_list(lua_State *L, int index, const char *who,
                          size_t count)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_Number key =
            lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
        if (key < 1 || key > (lua_Number)count)
            luaL_error(L,
                       "%s: states must be a list of claims, got a table "
                       "with the key %s",
                       who, options_describe(L, -2));
        lua_pop(L, 1);
    }
}

/* Replaces the value on top of the stack by the bytes of the identity that it
 * is. */
static shoal_bytes check_identity(lua_State *L, const char *who,
                                  const char *field)
{
    value_identity id;
    shoal_bytes bytes;
    int top = lua_gettop(L);

    lua_pushfstring(L, "%s.%s", who, field);
    if (value_to_identity(L, top, lua_tostring(L, -1), &id))
        lua_error(L);
    value_push_bytes(L, value_identity_bytes(&id));
    lua_replace(L, top);
    lua_settop(L, top);
    bytes.data = (const uint8_t *)lua_tolstring(L, top, &bytes.size);
    return bytes;
}

/* Reads the claim on top of the stack, and leaves the bytes of its identities
 * there instead, `from` (or nil) on top of `id`. */
static void check_update(lua_State *L, const char *who, shoal_update *update)
{
    int top = lua_gettop(L);

    memset(update, 0, sizeof *update);
    if (!lua_istable(L, top))
        luaL_error(L, "%s must be a table, got %s", who,
                   options_describe(L, top));
    check_claim_keys(L, top, who);
    update->state =
        (uint8_t)options_choice(L, top, who, "state", view_states, SHOAL_ALIVE);
    update->incarnation = (uint16_t)options_integer(
        L, top, who, "incarnation", 0, SHOAL_MAX_INCARNATION, 0);
    options_get(L, top, "id");
    update->id = check_identity(L, who, "id");
    if (options_get(L, top, "from") != LUA_TNIL)
        update->from = check_identity(L, who, "from");
    lua_remove(L, top);
}

const shoal_update *updates_check(lua_State *L, int index, const char *who,
                                  size_t *count)
{
    shoal_update *updates;
    int kept;

    luaL_checkstack(L, 12, "cannot read the states");
    if (!lua_istable(L, index))
        luaL_error(L, "%s: states must be a list, got %s", who,
                   options_describe(L, index));
    index = lua_absindex(L, index);
    *count = lua_rawlen(L, index);
    check_is_list(L, index, who, *count);
    lua_newtable(L); /* keeps the updates, and their identities */
    kept = lua_gettop(L);
    updates = compat_newblock(L, (*count + 1) * sizeof *updates);
    lua_rawseti(L, kept, 0);
    for (size_t i = 0; i < *count; i++) {
        char name[96];

        snprintf(name, sizeof name, "%s: states[%zu]", who, i + 1);
        lua_rawgeti(L, index, (int)i + 1);
        check_update(L, name, &updates[i]);
        if (lua_isnil(L, -1))
            lua_pop(L, 1);
        else
            lua_rawseti(L, kept, (int)(*count + i) + 1);
        lua_rawseti(L, kept, (int)i + 1);
    }
    return updates;
}
