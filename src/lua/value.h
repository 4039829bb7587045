/* SPDX-License-Identifier: MIT */
/*
 * Lua values as MessagePack and back.
 *
 * Packing is canonical, so that equal values are equal bytes:
 *   nil, booleans   as they are
 *   numbers         integral ones as the smallest integer, others as float64
 *                   (one bit pattern for NaN)
 *   strings         str, shortest length form
 *   tables          keys exactly 1..n: an array, as is the empty table; else a
 *                   map whose keys (strings, numbers, booleans) are sorted by
 *                   their encoded bytes
 * Everything else (functions, userdata, threads, cdata) cannot be carried, and
 * neither can more than VALUE_MAX_DEPTH tables inside each other (so cycles
 * end). Metatables are ignored.
 *
 * Unpacking takes any MessagePack that is not hostile: bin becomes a string,
 * ext is an error, so are nil and NaN as keys; a 64-bit integer becomes the
 * nearest number that this Lua has. Nothing is allocated for a count that the
 * bytes cannot hold.
 *
 * Functions here may raise (out of memory): call them where that is allowed.
 */
#ifndef SHOAL_LUA_VALUE_H
#define SHOAL_LUA_VALUE_H

#include "../shoal.h"

#include <lua.h>

enum {
    VALUE_MAX_DEPTH = 16,    /* a control message around members around ids */
    VALUE_IDENTITY_DEPTH = 8 /* of an identity, and of an address or key */
};

/* Packs the value at `index`. 0 and pushes the bytes as a string; or a
 * shoal_error and pushes a message that begins with the path of what cannot be
 * carried: "<name>.a.b: cannot carry a function". */
int value_pack(lua_State *L, int index, const char *name);

/* The same for an identity or an address, into `out`, which has `room` bytes:
 * pushes nothing when it is 0. SHOAL_ERR_TOO_BIG (with a message) when it does
 * not fit. */
int value_pack_into(lua_State *L, int index, const char *name, uint8_t *out,
                    size_t room, size_t *size);

/* Unpacks the one value that `bytes` begins with. 0, pushes it and tells the
 * bytes it took; or SHOAL_ERR_MALFORMED and pushes a message. */
int value_push(lua_State *L, shoal_bytes bytes, size_t *used);

/* An identity is any value that packs into SHOAL_MAX_IDENTITY bytes and has no
 * integer in it that may have lost bits on the way here: where a double is what
 * holds it, from 2^53 on two integers are one number. A value that has the
 * compact form of the stock identity (wire/compact.h) is packed into that, and
 * Lua sees the same table again: nothing else in Lua has to do with it, and
 * value_pack() and value_push() do not know it. */
typedef struct value_identity {
    uint8_t data[SHOAL_MAX_IDENTITY];
    size_t size;
} value_identity;

/* Reads the identity at `index`: 0, or SHOAL_ERR_IDENTITY and pushes a
 * message that begins with `name`. */
int value_to_identity(lua_State *L, int index, const char *name,
                      value_identity *out);
static inline shoal_bytes value_identity_bytes(const value_identity *id)
{
    return (shoal_bytes){id->data, id->size};
}
/* NULL when `bytes` are exactly what value_to_identity() makes of what
 * value_push_identity() pushes in this Lua; else the reason (static).
 * Identities from the network are held against this before Lua sees them. Never
 * raises. */
const char *value_check_canonical(shoal_bytes bytes);
/* Pushes an identity. Bytes that are no canonical value are pushed as a string
 * (cannot happen for identities that came through script/engine/questions.c).
 */
void value_push_identity(lua_State *L, shoal_bytes id);

/* An address is a non-empty string, kept as it is, or any other value but nil,
 * kept as WIRE_ADDR_MARK and its packed bytes. 0 and pushes the bytes as a
 * string, or SHOAL_ERR_IDENTITY and pushes a message. */
int value_to_addr(lua_State *L, int index, const char *name);
/* Pushes the value that it was made of. */
void value_push_addr(lua_State *L, shoal_bytes addr);

/* Are the doubles next to it other integers than it? */
static inline bool value_is_exact(double integer)
{
    return integer > -9007199254740992.0 && integer < 9007199254740992.0;
}

static inline void value_push_bytes(lua_State *L, shoal_bytes bytes)
{
    lua_pushlstring(L, bytes.size ? (const char *)bytes.data : "", bytes.size);
}

/* Sets a field of the table on top of the stack. */
static inline void value_set_count(lua_State *L, const char *name,
                                   uint64_t value)
{
    lua_pushnumber(L, (lua_Number)value);
    lua_setfield(L, -2, name);
}

/* Adds pack and unpack to the table on top of the stack. */
void value_register(lua_State *L);

#endif
