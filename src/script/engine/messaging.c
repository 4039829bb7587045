/* SPDX-License-Identifier: MIT */
#include "messaging.h"

#include "../../base/bytes.h"
#include "../../lua/arguments.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/result.h"

#include <string.h>

/* ---- Whom it is for ---- */

static void take_id(value_identity *id, shoal_bytes from)
{
    memcpy(id->data, from.data, from.size);
    id->size = from.size;
}

static bool is_active(const shoal_member *member)
{
    return member->state != SHOAL_DOWN;
}

/* STACK: ... address -> ... */
static bool find_address(lua_State *L, const shoal *engine, value_identity *id)
{
    shoal_member member = shoal_self(engine);
    shoal_bytes addr;
    bool found;

    addr.data = (const uint8_t *)lua_tolstring(L, -1, &addr.size);
    found = bytes_equal(addr, member.addr) ||
            (shoal_find(engine, addr, &member) && is_active(&member));
    if (found)
        take_id(id, member.id);
    lua_pop(L, 1);
    return found;
}

/* Has the identity a field `name` with the value at `index`? */
static bool is_named(lua_State *L, shoal_bytes id, int index)
{
    value_identity copy; /* Lua may run a finalizer, which may change all */
    bool is_it = false;

    take_id(&copy, id);
    value_push_identity(L, value_identity_bytes(&copy));
    if (lua_istable(L, -1)) {
        lua_pushliteral(L, "name");
        lua_rawget(L, -2);
        is_it = lua_rawequal(L, -1, index);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return is_it;
}

/* How many active members, ourselves included, have that name. */
static int find_name(lua_State *L, const shoal *engine, int index,
                     value_identity *id)
{
    shoal_member member = shoal_self(engine);
    uint32_t cursor = 0;
    int found = 0;

    do {
        value_identity copy;
        take_id(&copy, member.id);
        if (!is_active(&member) || !is_named(L, member.id, index))
            continue;
        *id = copy;
        found++;
    } while (shoal_next_member(engine, &cursor, &member));
    return found;
}

static int find_text(lua_State *L, const shoal *engine, int index,
                     const char *who, value_identity *id)
{
    int found;

    if (value_to_addr(L, index, who))
        return lua_error(L);
    if (find_address(L, engine, id))
        return 0;
    found =
        lua_type(L, index) == LUA_TSTRING ? find_name(L, engine, index, id) : 0;
    if (found == 1)
        return 0;
    if (found > 1)
        lua_pushfstring(L, "%d active members have that name", found);
    else
        lua_pushfstring(L, "no active member has the address or name %s",
                        options_describe(L, index));
    return result_error(L, SHOAL_ERR_NOT_A_MEMBER, lua_tostring(L, -1));
}

/* STACK: ... identity -> ... */
static int find_identity(lua_State *L, const shoal *engine, const char *who,
                         value_identity *id)
{
    shoal_member member = shoal_self(engine);
    shoal_bytes bytes;

    if (value_to_identity(L, lua_gettop(L), who, id))
        return lua_error(L);
    lua_pop(L, 1);
    bytes = value_identity_bytes(id);
    if (bytes_equal(bytes, member.id) ||
        (shoal_find_identity(engine, bytes, &member) && is_active(&member)))
        return 0;
    return result_error(L, SHOAL_ERR_NOT_A_MEMBER,
                        "that member is down, or was replaced");
}

int messaging_find(lua_State *L, const shoal *engine, int index,
                   const char *who, value_identity *id)
{
    luaL_checkstack(L, 12, "cannot find a member");
    index = lua_absindex(L, index);
    arguments_value(L, index, who, "a member, an address or a name");
    if (lua_istable(L, index)) {
        lua_pushliteral(L, "id");
        lua_rawget(L, index);
        if (!lua_isnil(L, -1))
            return find_identity(L, engine, who, id);
        lua_pop(L, 1);
    }
    return find_text(L, engine, index, who, id);
}

/* ---- What is in it ---- */

shoal_bytes messaging_pack(lua_State *L, int index, const char *who)
{
    shoal_bytes bytes;

    index = lua_absindex(L, index);
    if (value_pack(L, index, "data"))
        luaL_error(L, "%s: %s", who, lua_tostring(L, -1));
    bytes.data = (const uint8_t *)lua_tolstring(L, -1, &bytes.size);
    return bytes;
}

void messaging_push(lua_State *L, shoal_bytes data)
{
    size_t used;
    int top = lua_gettop(L);

    /* The bytes are the engine's until its next entry point, and Lua may run a
     * finalizer that calls one. */
    value_push_bytes(L, data);
    data.data = (const uint8_t *)lua_tolstring(L, -1, &data.size);
    if (value_push(L, data, &used) == 0 && used == data.size)
        lua_replace(L, top + 1);
    lua_settop(L, top + 1);
}

void messaging_push_next(lua_State *L, shoal_bytes *from)
{
    size_t used = 0;
    int top = lua_gettop(L);

    if (from->size == 0 || value_push(L, *from, &used)) {
        used = from->size;
        lua_settop(L, top);
        lua_pushnil(L);
    }
    *from = bytes_of(from->data + used, from->size - used);
}
