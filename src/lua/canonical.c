/* SPDX-License-Identifier: MIT */
/* Would an identity go through Lua and come back as the same bytes? */
#include "value.h"

#include "../wire/canonical.h"
#include "../wire/compact.h"
#include "compat.h"

/* Can this Lua hold it, and tell it from its neighbours? */
static bool is_exact(struct integer value)
{
#if LUA_VERSION_NUM >= 503
    if (value.negative || value.bits <= INT64_MAX)
        return true;
#endif
    return value_is_exact(value.negative ? (double)(int64_t)value.bits
                                         : (double)value.bits);
}

static const char *check_compact(shoal_bytes bytes)
{
    struct compact compact;

    return compact_read(bytes, &compact)
               ? NULL
               : "it is not the compact form of a stock identity";
}

/* Not in its compact form, if it has one. */
static const char *check_long_form(shoal_bytes bytes)
{
    uint8_t shorter[COMPACT_MAX];

    return compact_of_map(bytes, shorter) == 0 ? NULL : "it has a compact form";
}

const char *value_check_canonical(shoal_bytes bytes)
{
    struct walk walk = {bytes.data, bytes.data + bytes.size};
    const char *problem;
    size_t used;

    if (compact_is(bytes))
        return check_compact(bytes);
    if (check_value(bytes.data, bytes.size, VALUE_IDENTITY_DEPTH, &used) ||
        used != bytes.size)
        return "not one well-formed MessagePack value";
    problem = canonical_check(&walk, is_exact);
    return problem ? problem : check_long_form(bytes);
}
