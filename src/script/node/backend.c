/* SPDX-License-Identifier: MIT */
#include "backend.h"

#include "../../lua/compat.h"

void backend_push_stats(lua_State *L, const host_stats *stats)
{
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        {"datagrams_received", stats->datagrams_received},
        {"datagrams_sent", stats->datagrams_sent},
        {"bytes_received", stats->bytes_received},
        {"bytes_sent", stats->bytes_sent},
        {"send_errors", stats->send_errors},
        {"receive_errors", stats->receive_errors},
        {"foreign_cluster", stats->foreign_cluster},
        {"truncated", stats->truncated},
        {"unresolved", stats->unresolved},
        {"wakeups", stats->wakeups},
        {"deputy_takeovers", stats->deputy_takeovers},
        {"deputy_answered", stats->deputy_answered},
        {"deputy_kept", stats->deputy_kept},
        {"deputy_dropped", stats->deputy_dropped},
    };
    size_t count = sizeof fields / sizeof *fields;
    lua_createtable(L, 0, (int)count);
    for (size_t i = 0; i < count; i++) {
        lua_pushnumber(L, (lua_Number)fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
}
