/* SPDX-License-Identifier: MIT */
#include "signing.h"

#include "../lua/compat.h"
#include "../lua/result.h"
#include "../seal/crypto.h"
#include "../seal/seal.h"
#include "../seal/signature.h"

static shoal_bytes check_bytes(lua_State *L, int arg)
{
    shoal_bytes bytes;
    bytes.data = (const uint8_t *)luaL_checklstring(L, arg, &bytes.size);
    return bytes;
}

/* Exactly that many bytes: what is cut short must not pass for a key. */
static const uint8_t *check_sized(lua_State *L, int arg, size_t size,
                                  const char *what)
{
    shoal_bytes bytes = check_bytes(L, arg);
    if (bytes.size != size)
        luaL_error(L,
                   "shoal.crypto: argument %d must be %s of %d bytes, got %d",
                   arg, what, (int)size, (int)bytes.size);
    return bytes.data;
}

static void push(lua_State *L, const uint8_t *bytes, size_t size)
{
    lua_pushlstring(L, (const char *)bytes, size);
}

/* keypair([seed]) -> public, secret */
static int keypair(lua_State *L)
{
    uint8_t public[SIGNATURE_PUBLIC], secret[SIGNATURE_SECRET];
    const uint8_t *seed = NULL;
    if (!lua_isnoneornil(L, 1))
        seed = check_sized(L, 1, SIGNATURE_SEED, "a seed");
    signature_keypair(seed, public, secret);
    push(L, public, sizeof public);
    push(L, secret, sizeof secret);
    crypto_wipe(secret, sizeof secret);
    return 2;
}

/* sign(data, secret) -> signature */
static int sign(lua_State *L)
{
    uint8_t signature[SIGNATURE_SIZE];
    shoal_bytes data = check_bytes(L, 1);
    signature_make(data, check_sized(L, 2, SIGNATURE_SECRET, "a secret key"),
                   signature);
    push(L, signature, sizeof signature);
    return 1;
}

/* verify(signature, data, public) -> boolean. The signature is what others
 * sent: anything may be in its place. */
static int verify(lua_State *L)
{
    size_t size = 0;
    const char *signature =
        lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &size) : NULL;
    shoal_bytes data = check_bytes(L, 2);
    const uint8_t *public = check_sized(L, 3, SIGNATURE_PUBLIC, "a public key");
    lua_pushboolean(
        L, size == SIGNATURE_SIZE &&
               signature_holds((const uint8_t *)signature, data, public));
    return 1;
}

/* hash(data[, key]) -> 32 bytes */
static int hash(lua_State *L)
{
    enum { MOST = 64 };
    uint8_t out[SIGNATURE_HASH];
    shoal_bytes data = check_bytes(L, 1), key = {NULL, 0};
    if (!lua_isnoneornil(L, 2))
        key = check_bytes(L, 2);
    if (key.size > MOST)
        return luaL_error(
            L, "shoal.crypto: argument 2 must be a key of at most %d bytes",
            MOST);
    signature_hash(data, key, out);
    push(L, out, sizeof out);
    return 1;
}

/* problem() -> why there is none of these; nil: they are there */
static int problem(lua_State *L)
{
    if (!*seal_problem())
        return 0;
    lua_pushstring(L, seal_problem());
    return 1;
}

void signing_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"keypair", keypair}, {"sign", sign},       {"verify", verify},
        {"hash", hash},       {"problem", problem}, {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "signing");
}
