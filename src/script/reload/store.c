/* SPDX-License-Identifier: MIT */
#include "store.h"

#include "../../base/error.h"
#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "../../lua/value.h"
#include "store_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lua_State *state_of(const struct version *version)
{
    return scope_state(&version->scope);
}

void store_set(lua_State *L, struct version *version, int index)
{
    lua_pushvalue(L, index);
    refs_set(L, version->store);
}

/* ---- Between states ---- */

/* A store on its way, as MessagePack. The bytes are those of a string that the
 * state it leaves keeps for us, in the slot `parcel` of its registry. */
struct parcel {
    struct version *from, *to;
    shoal_bytes bytes;
    struct error *error;
};

/* Puts the value on top of the stack, or nothing, into the slot. */
static void keep(lua_State *L, const struct version *version)
{
    refs_set(L, version->parcel);
}

static void pack(lua_State *L, void *context)
{
    struct parcel *parcel = context;
    refs_push(L, parcel->from->store);
    if (value_pack(L, -1, "store") != 0) {
        error_fail(parcel->error, "%s", lua_tostring(L, -1));
        return;
    }
    parcel->bytes.data =
        (const uint8_t *)lua_tolstring(L, -1, &parcel->bytes.size);
    keep(L, parcel->from);
}

static void unpack(lua_State *L, void *context)
{
    struct parcel *parcel = context;
    size_t used;
    if (value_push(L, parcel->bytes, &used) != 0)
        luaL_error(L, "store: %s", lua_tostring(L, -1));
    if (!lua_istable(L, -1)) /* what was saved is in nobody's hands */
        luaL_error(L, "store: must be a table");
    store_set(L, parcel->to, -1);
}

static int run(struct parcel *parcel, struct version *version, protected_fn *fn)
{
    struct scope *scope = &version->scope;
    int failure = scope_run(scope, fn, parcel, "store");
    if (failure != 0)
        error_fail(parcel->error, "%s", protected_last_message(scope->caller));
    else if (!parcel->bytes.data)
        failure = 1; /* pack() has said why */
    return failure;
}

static void forget(struct parcel *parcel)
{
    lua_State *L = state_of(parcel->from);
    lua_pushboolean(L, false);
    keep(L, parcel->from);
}

static int send(struct version *from, struct version *to, struct error *error)
{
    struct parcel parcel = {.from = from, .to = to, .error = error};
    int failure = run(&parcel, from, pack);
    if (failure == 0)
        failure = run(&parcel, to, unpack);
    forget(&parcel);
    return failure;
}

/* ---- To be remembered ---- */

struct persisting {
    const struct version *version;
    bool wanted;
};

static void look(lua_State *L, void *context)
{
    struct persisting *persisting = context;
    refs_push(L, persisting->version->handlers);
    if (!lua_istable(L, -1))
        return;
    lua_getfield(L, -1, "persist");
    persisting->wanted = lua_toboolean(L, -1);
}

bool store_persists(struct version *version)
{
    struct persisting persisting = {version, false};
    (void)scope_run(&version->scope, look, &persisting, "persist");
    return persisting.wanted;
}

int store_save(struct version *version, uint8_t **bytes, size_t *size,
               struct error *error)
{
    struct parcel parcel = {.from = version, .error = error};
    int failure = run(&parcel, version, pack);
    if (failure == 0) {
        *size = parcel.bytes.size;
        *bytes = malloc(*size);
        if (*bytes)
            memcpy(*bytes, parcel.bytes.data, *size);
        else
            failure = error_fail(error, "out of memory");
    }
    forget(&parcel);
    return failure;
}

int store_load(struct version *version, shoal_bytes bytes, struct error *error)
{
    struct parcel parcel = {.to = version, .bytes = bytes, .error = error};
    return run(&parcel, version, unpack);
}

/* ---- Within a state ---- */

/* No memory is needed for it, so there is no region around it. */
static void hand_over(struct version *from, struct version *to)
{
    lua_State *L = state_of(from);
    refs_push(L, from->store);
    refs_set(L, to->store);
}

int store_carry(struct version *from, struct version *to, struct error *error)
{
    if (state_of(from) != state_of(to))
        return send(from, to, error);
    hand_over(from, to);
    return 0;
}

void store_push(lua_State *L, struct version *version, struct scope *reader)
{
    if (reader->L == version->scope.L) {
        refs_push(L, version->store);
        return;
    }
    struct error error = {""};
    struct parcel parcel = {.from = version, .error = &error};
    store_copy_check(L, reader);
    if (run(&parcel, version, pack) != 0)
        luaL_error(L, "node.store: cannot be copied: %s", error.text);
    store_copy_lend(L, reader, parcel.bytes);
    forget(&parcel);
}
