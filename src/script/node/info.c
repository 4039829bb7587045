/* SPDX-License-Identifier: MIT */
#include "info.h"

#include "../../lua/compat.h"
#include "../../lua/value.h"
#include "../engine/view.h"

static void set_moment(lua_State *L, const char *name, uint64_t unix_us)
{
    lua_pushnumber(L, (lua_Number)unix_us / 1e6);
    lua_setfield(L, -2, name);
}

/* Nothing for NULL. */
static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

void info_push_stats(lua_State *L, struct node *node)
{
    view_push_stats(L, node_engine(node));
    node->backend->ops->push_stats(node->backend, L);
    lua_setfield(L, -2, "host");
    protected_push_counts(L, &node->counts);
    lua_setfield(L, -2, "handlers");
    asks_push_counts(L, node);
    lua_setfield(L, -2, "questions");
}

/* ---- The parts of info ---- */

static void set_ourselves(lua_State *L, struct node *node)
{
    shoal *engine = node_engine(node);
    shoal_member self = shoal_self(engine);
    set_text(L, "version", shoal_version());
    set_text(L, "name", node->name);
    set_text(L, "cluster", node->cluster);
    set_text(L, "bind", node->backend->ops->bound(node->backend));
    set_text(L, "state", shoal_state_name(self.state));
    set_text(L, "connection",
             shoal_connection_name(shoal_get_connection(engine)));
    value_set_count(L, "incarnation", self.incarnation);
    set_moment(L, "started_at", node->started_us);
    value_push_identity(L, self.id);
    lua_setfield(L, -2, "identity");
    value_push_addr(L, self.addr);
    lua_setfield(L, -2, "addr");
}

static void push_counts(lua_State *L, const shoal *engine)
{
    uint64_t states[3] = {0};
    uint32_t cursor = 0;
    shoal_member member;
    while (shoal_next_member(engine, &cursor, &member))
        states[member.state]++;
    lua_createtable(L, 0, 5);
    value_set_count(L, "active", states[SHOAL_ALIVE] + states[SHOAL_SUSPECT]);
    value_set_count(L, "alive", states[SHOAL_ALIVE]);
    value_set_count(L, "suspect", states[SHOAL_SUSPECT]);
    value_set_count(L, "down", states[SHOAL_DOWN]);
    value_set_count(L, "known", states[0] + states[1] + states[2]);
}

static void push_by_message(lua_State *L, const uint64_t *counts)
{
    lua_createtable(L, 0, SHOAL_NUM_MESSAGES);
    for (int kind = 0; kind < SHOAL_NUM_MESSAGES; kind++)
        value_set_count(L, shoal_message_name(kind), counts[kind]);
}

static void push_packets(lua_State *L, const shoal_stats *stats)
{
    lua_createtable(L, 0, 6);
    value_set_count(L, "received", stats->packets_received);
    value_set_count(L, "sent", stats->packets_sent);
    value_set_count(L, "bytes_received", stats->bytes_received);
    value_set_count(L, "bytes_sent", stats->bytes_sent);
    push_by_message(L, stats->received);
    lua_setfield(L, -2, "received_by_message");
    push_by_message(L, stats->sent);
    lua_setfield(L, -2, "sent_by_message");
}

/* What the engine dropped, and what never reached it.
 * STACK: the host's counters -> the same, drops */
static void push_drops(lua_State *L, const shoal_stats *stats)
{
    int counters = lua_gettop(L);
    lua_createtable(L, 0, SHOAL_NUM_DROPS + HOST_NUM_DROPS);
    for (int drop = 0; drop < SHOAL_NUM_DROPS; drop++)
        value_set_count(L, shoal_drop_name(drop), stats->dropped[drop]);
#define COPY(name, text)                                                       \
    lua_getfield(L, counters, #name);                                          \
    lua_setfield(L, -2, #name);
    HOST_DROPS(COPY)
#undef COPY
}

static void push_last_error(lua_State *L, const struct reloads *reloads)
{
    lua_createtable(L, 0, 3);
    set_text(L, "message", reloads->error.text);
    set_text(L, "reason", reloads->reason);
    set_moment(L, "at", reloads->failed_us);
}

static void push_script(lua_State *L, const struct node *node)
{
    const struct version *version = node->current;
    char hash[17];
    lua_createtable(L, 0, 6);
    value_set_count(L, "generation", version->generation);
    set_moment(L, "loaded_at", version->loaded_us);
    set_text(L, "path", node->script);
    if (version_hash(version, hash))
        set_text(L, "hash", hash);
    if (version->script) {
        files_push(L, &version->script->files);
        lua_setfield(L, -2, "files");
    }
    if (node->reloads.failed) {
        push_last_error(L, &node->reloads);
        lua_setfield(L, -2, "last_error");
    }
}

static void push_children(lua_State *L, const struct children *children)
{
    lua_createtable(L, 0, 2);
    value_set_count(L, "running", children->running);
    value_set_count(L, "waiting", children->num_waiting);
}

static void push_seeds(lua_State *L, struct backend *backend)
{
    const char *seed;
    lua_newtable(L);
    for (int i = 0; (seed = backend->ops->seed(backend, (size_t)i)); i++) {
        lua_pushstring(L, seed);
        lua_rawseti(L, -2, i + 1);
    }
}

void info_push(lua_State *L, struct node *node)
{
    shoal *engine = node_engine(node);
    shoal_stats stats = shoal_get_stats(engine);
    luaL_checkstack(L, 10, "cannot push the info");
    lua_createtable(L, 0, 18);
    set_ourselves(L, node);
    push_seeds(L, node->backend);
    lua_setfield(L, -2, "seeds");
    push_counts(L, engine);
    lua_setfield(L, -2, "counts");
    view_push_backlog(L, engine);
    lua_setfield(L, -2, "backlog");
    push_packets(L, &stats);
    lua_setfield(L, -2, "packets");
    node->backend->ops->push_stats(node->backend, L);
    push_drops(L, &stats);
    lua_setfield(L, -3, "drops");
    lua_setfield(L, -2, "host");
    protected_push_counts(L, &node->counts);
    lua_setfield(L, -2, "handlers");
    push_children(L, &node->children);
    lua_setfield(L, -2, "children");
    push_script(L, node);
    lua_setfield(L, -2, "script");
    memory_push_info(L, node);
    lua_setfield(L, -2, "memory");
}
