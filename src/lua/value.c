/* SPDX-License-Identifier: MIT */
/* Identities and addresses as Lua values; pack() and unpack() for Lua. */
#include "value.h"

#include "../wire/compact.h"
#include "../wire/wire.h"
#include "compat.h"
#include "options.h"

#include <string.h>

int value_to_identity(lua_State *L, int index, const char *name,
                      value_identity *out)
{
    if (lua_isnoneornil(L, index)) {
        lua_pushfstring(L, "%s: must be a value, got nil", name);
        return SHOAL_ERR_IDENTITY;
    }
    if (value_pack_into(L, index, name, out->data, sizeof out->data,
                        &out->size))
        return SHOAL_ERR_IDENTITY;
    out->size = compact_shrink(out->data, out->size);
    return 0;
}

/* { addr=, bump=, name= } */
static void push_compact(lua_State *L, const struct compact *compact)
{
    uint8_t text[IP_TEXT_MAX];
    shoal_bytes addr = {text, ip_text_write(&compact->address, text)};

    lua_createtable(L, 0, 2 + (compact->name.size > 0));
    value_push_bytes(L, addr);
    lua_setfield(L, -2, "addr");
    compat_push_uint(L, compact->bump);
    lua_setfield(L, -2, "bump");
    if (compact->name.size == 0)
        return;
    value_push_bytes(L, compact->name);
    lua_setfield(L, -2, "name");
}

void value_push_identity(lua_State *L, shoal_bytes id)
{
    struct compact compact;
    size_t used;

    if (compact_read(id, &compact)) {
        luaL_checkstack(L, 4, "cannot push an identity");
        push_compact(L, &compact);
        return;
    }
    if (value_push(L, id, &used) == 0)
        return;
    lua_pop(L, 1);
    value_push_bytes(L, id);
}

static int refuse_addr(lua_State *L, const char *name, const char *problem)
{
    lua_pushfstring(L, "%s: %s", name, problem);
    return SHOAL_ERR_IDENTITY;
}

/* Any value but a string. */
static int pack_addr(lua_State *L, int index, const char *name)
{
    uint8_t addr[SHOAL_MAX_IDENTITY];
    size_t size;

    addr[0] = WIRE_ADDR_MARK;
    if (value_pack_into(L, index, name, addr + 1, sizeof addr - 1, &size))
        return SHOAL_ERR_IDENTITY;
    lua_pushlstring(L, (const char *)addr, size + 1);
    return 0;
}

int value_to_addr(lua_State *L, int index, const char *name)
{
    const char *string;
    size_t size;

    if (lua_isnoneornil(L, index))
        return refuse_addr(L, name, "must be an address, got nil");
    if (lua_type(L, index) != LUA_TSTRING)
        return pack_addr(L, index, name);
    string = lua_tolstring(L, index, &size);
    if (size == 0)
        return refuse_addr(L, name, "an address cannot be empty");
    if (size > SHOAL_MAX_IDENTITY)
        return refuse_addr(L, name, "an address has 512 bytes at most");
    if ((uint8_t)*string == WIRE_ADDR_MARK)
        return refuse_addr(L, name, "an address cannot begin with byte c1");
    lua_pushvalue(L, index);
    return 0;
}

void value_push_addr(lua_State *L, shoal_bytes addr)
{
    if (addr.size > 0 && addr.data[0] == WIRE_ADDR_MARK)
        value_push_identity(L, (shoal_bytes){addr.data + 1, addr.size - 1});
    else
        value_push_bytes(L, addr);
}

/* ---- For Lua ---- */

/* pack(value) -> bytes | nil, message */
static int pack(lua_State *L)
{
    luaL_checkany(L, 1);
    if (value_pack(L, 1, "value") == 0)
        return 1;
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

static int fail(lua_State *L, const char *message)
{
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
}

/* unpack(bytes) -> value | nil, message */
static int unpack(lua_State *L)
{
    shoal_bytes bytes;
    size_t used;

    bytes.data = (const uint8_t *)luaL_checklstring(L, 1, &bytes.size);
    if (value_push(L, bytes, &used))
        return fail(L, lua_tostring(L, -1));
    if (used != bytes.size)
        return fail(L, "there are bytes after the value");
    return 1;
}

void value_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"pack", pack},
        {"unpack", unpack},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
}
