/* SPDX-License-Identifier: MIT */
/* MessagePack to Lua values and back: an identity that is called canonical is,
 * and what was written once stays as it is. Only a table as a key is read and
 * cannot be written. */
#include "../../src/lua/value.h"
#include "fuzz.h"
#include "state.h"

static shoal_bytes top(lua_State *L)
{
    size_t size;
    const char *data = lua_tolstring(L, -1, &size);
    return (shoal_bytes){(const uint8_t *)data, size};
}

static bool equal(shoal_bytes a, shoal_bytes b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* Why not all that Lua packs can be an identity: that nests less deep, has no
 * nil, no number that loses bits, and no second form. */
static bool is_no_identity(const char *reason)
{
    return !reason || strstr(reason, "well-formed") || strstr(reason, "nil") ||
           strstr(reason, "larger than Lua") || strstr(reason, "compact form");
}

/* As identities, in which the compact form is one. */
static void go_there_and_back(lua_State *L, shoal_bytes bytes)
{
    value_identity again;
    if (bytes.size > SHOAL_MAX_IDENTITY || value_check_canonical(bytes))
        return;
    value_push_identity(L, bytes);
    MUST(value_to_identity(L, -1, "it", &again) == 0);
    MUST(equal(bytes, value_identity_bytes(&again)));
    lua_pop(L, 1);
}

static int round_trip(lua_State *L)
{
    shoal_bytes bytes = state_input, packed, again;
    size_t used;
    go_there_and_back(L, bytes);
    if (value_push(L, bytes, &used) != 0) {
        MUST(lua_isstring(L, -1));
        return 0;
    }
    MUST(used > 0 && used <= bytes.size);
    bytes.size = used;
    bool is_canonical = !value_check_canonical(bytes);
    if (value_pack(L, -1, "it") != 0) {
        MUST(!is_canonical && strstr(lua_tostring(L, -1), "as a key"));
        return 0;
    }
    packed = top(L);
    MUST(!is_canonical || equal(bytes, packed));
    MUST(is_no_identity(value_check_canonical(packed)));
    MUST(value_push(L, packed, &used) == 0 && used == packed.size);
    MUST(value_pack(L, -1, "it") == 0);
    again = top(L);
    MUST(equal(packed, again));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    state_run(round_trip, data, size);
    return 0;
}
