/* SPDX-License-Identifier: MIT */
/* Lua values into canonical MessagePack. */
#include "packer.h"

#include "compat.h"
#include "options.h"

#include <msgpack/pack.h>
#include <string.h>

enum { FIRST_ROOM = 256 };

/* ---- Messages ---- */

/* Pushes "name.a.b[3]". */
static void push_path(struct packer *p)
{
    lua_State *L = p->L;

    lua_pushstring(L, p->name);
    for (int i = 0; i < p->depth; i++) {
        if (lua_type(L, p->keys[i]) == LUA_TSTRING) {
            lua_pushfstring(L, ".%s", lua_tostring(L, p->keys[i]));
        } else {
            options_describe(L, p->keys[i]);
            lua_pushfstring(L, "[%s]", lua_tostring(L, -1));
            lua_remove(L, -2);
        }
        lua_concat(L, 2);
    }
}

int packer_refuse(struct packer *p, const char *problem, const char *what)
{
    push_path(p);
    lua_pushfstring(p->L, problem, lua_tostring(p->L, -1), what);
    return SHOAL_ERR_MALFORMED;
}

/* ---- Bytes ---- */

static int grow(struct packer *p, size_t size)
{
    size_t room = p->room * 2;
    uint8_t *data;

    if (!p->box) {
        lua_pushfstring(p->L, "%s: takes more than %d bytes", p->name,
                        (int)p->room);
        return SHOAL_ERR_TOO_BIG;
    }
    while (room < p->size + size)
        room *= 2;
    data = compat_newblock(p->L, room);
    memcpy(data, p->data, p->size);
    lua_replace(p->L, p->box);
    p->data = data;
    p->room = room;
    return 0;
}

int packer_put(struct packer *p, const void *data, size_t size)
{
    if (size > p->room - p->size) {
        int error = grow(p, size);

        if (error)
            return error;
    }
    if (size > 0)
        memcpy(p->data + p->size, data, size);
    p->size += size;
    return 0;
}

int packer_write_head(void *context, const char *data, size_t size)
{
    struct packer_head *head = context;

    if (size > sizeof head->bytes - head->size)
        return -1;
    memcpy(head->bytes + head->size, data, size);
    head->size += size;
    return 0;
}

/* ---- Scalars ---- */

static void pack_float(msgpack_packer *packer, double number)
{
    static const char nan[] = "\xcb\x7f\xf8\0\0\0\0\0";

    if (number != number)
        packer_write_head(packer->data, nan, sizeof nan);
    else
        msgpack_pack_double(packer, number);
}

/* 2^63 and 2^64 are doubles; the largest integers below them are not. */
static const double TWO_63 = 9223372036854775808.0;

static bool is_int64(double number)
{
    return number >= -TWO_63 && number < 0 && (double)(int64_t)number == number;
}

static bool is_uint64(double number)
{
    return number >= 0 && number < 2 * TWO_63 &&
           (double)(uint64_t)number == number;
}

static void pack_double(msgpack_packer *packer, double number)
{
    if (is_int64(number))
        msgpack_pack_int64(packer, (int64_t)number);
    else if (is_uint64(number))
        msgpack_pack_uint64(packer, (uint64_t)number);
    else
        pack_float(packer, number);
}

static bool may_have_lost_bits(double number)
{
    return !value_is_exact(number) && (is_int64(number) || is_uint64(number));
}

static int pack_number(struct packer *p, int index)
{
    struct packer_head head = {.size = 0};
    msgpack_packer packer;

    msgpack_packer_init(&packer, &head, packer_write_head);
    if (compat_is_integer(p->L, index))
        msgpack_pack_int64(&packer, (int64_t)lua_tointeger(p->L, index));
    else if (p->exact && may_have_lost_bits(lua_tonumber(p->L, index)))
        return packer_refuse(p,
                             "%s: must be within 2^53 - 1: numbers beyond "
                             "that lose bits%s",
                             "");
    else
        pack_double(&packer, lua_tonumber(p->L, index));
    return packer_put(p, head.bytes, head.size);
}

static int pack_string(struct packer *p, int index)
{
    struct packer_head head = {.size = 0};
    msgpack_packer packer;
    size_t size;
    const char *string = lua_tolstring(p->L, index, &size);
    int error;

    if (size > UINT32_MAX)
        return packer_refuse(p, "%s: cannot carry a %s of 4 GiB", "string");
    msgpack_packer_init(&packer, &head, packer_write_head);
    msgpack_pack_str(&packer, size);
    error = packer_put(p, head.bytes, head.size);
    return error ? error : packer_put(p, string, size);
}

static int pack_constant(struct packer *p, uint8_t byte)
{
    return packer_put(p, &byte, 1);
}

/* ---- Values ---- */

int packer_value(struct packer *p, int index)
{
    int type = lua_type(p->L, index);

    switch (type) {
    case LUA_TNIL:
        return pack_constant(p, 0xc0);
    case LUA_TBOOLEAN:
        return pack_constant(p, lua_toboolean(p->L, index) ? 0xc3 : 0xc2);
    case LUA_TNUMBER:
        return pack_number(p, index);
    case LUA_TSTRING:
        return pack_string(p, index);
    case LUA_TTABLE:
        return packer_table(p, index);
    default:
        return packer_refuse(p, "%s: cannot carry a %s",
                             lua_typename(p->L, type));
    }
}

/* ---- The two ways in ---- */

/* Leaves only the message, when there is one, above `top`. */
static int finish(struct packer *p, int error, int top)
{
    if (error) {
        lua_insert(p->L, top + 1);
        top++;
    }
    lua_settop(p->L, top);
    return error;
}

int value_pack(lua_State *L, int index, const char *name)
{
    uint8_t first[FIRST_ROOM]; /* most values need no other */
    struct packer packer = {
        .L = L, .name = name, .data = first, .room = sizeof first};
    int top = lua_gettop(L), error;

    index = lua_absindex(L, index);
    luaL_checkstack(L, 12, "cannot pack a value");
    lua_pushnil(L);
    packer.box = top + 1;
    packer.max_depth = VALUE_MAX_DEPTH;
    error = packer_value(&packer, index);
    if (error)
        return finish(&packer, error, top);
    lua_pushlstring(L, (const char *)packer.data, packer.size);
    lua_replace(L, packer.box);
    lua_settop(L, packer.box);
    return 0;
}

int value_pack_into(lua_State *L, int index, const char *name, uint8_t *out,
                    size_t room, size_t *size)
{
    struct packer packer = {.L = L, .name = name, .data = out, .room = room};
    int top = lua_gettop(L), error;

    luaL_checkstack(L, 12, "cannot pack a value");
    packer.exact = true;
    packer.max_depth = VALUE_IDENTITY_DEPTH;
    error = packer_value(&packer, lua_absindex(L, index));
    *size = packer.size;
    return finish(&packer, error, top);
}
