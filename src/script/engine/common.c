/* SPDX-License-Identifier: MIT */
#include "common.h"

#include "../../lua/arguments.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/result.h"
#include "../../lua/value.h"
#include "config.h"
#include "messaging.h"
#include "owners.h"
#include "tagging.h"
#include "updates.h"
#include "view.h"

static const struct common_kind *kind_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* "node:apply", or "apply" for an engine: in front of messages. */
static const char *name(const struct common_kind *kind, const char *method)
{
    return *kind->prefix ? method : method + sizeof "node:" - 1;
}

/* ---- Entry points: check, begin, act, end ---- */

static struct common_call check_entry(lua_State *L, const char *method)
{
    const struct common_kind *kind = kind_of(L);
    struct common_call call = {0};

    kind->check_entry(L, &call, name(kind, method));
    return call;
}

static int end(lua_State *L, struct common_call *call, int error)
{
    return kind_of(L)->end(L, call, error);
}

typedef int entry_fn(shoal *engine, uint64_t now_us);

/* Those that take only the time. */
static int enter(lua_State *L, const char *method, entry_fn *entry)
{
    struct common_call call = check_entry(L, method);

    kind_of(L)->begin(L, &call);
    return end(L, &call, entry(call.engine, call.now_us));
}

static int gossip(lua_State *L)
{
    return enter(L, "node:gossip", shoal_gossip);
}

static int broadcast(lua_State *L)
{
    return enter(L, "node:broadcast", shoal_broadcast);
}

static int reuse_down_identity(lua_State *L)
{
    return enter(L, "node:reuse_down_identity", shoal_reuse_down_identity);
}

static int leave(lua_State *L)
{
    struct common_call call = check_entry(L, "node:leave");

    kind_of(L)->begin(L, &call);
    return end(L, &call, kind_of(L)->leave(&call));
}

static int change_identity(lua_State *L)
{
    struct common_call call = check_entry(L, "node:change_identity");
    value_identity id;

    if (value_to_identity(L, call.first, "identity", &id) != 0)
        return result_error(L, SHOAL_ERR_IDENTITY, lua_tostring(L, -1));
    kind_of(L)->begin(L, &call);
    return end(L, &call,
               kind_of(L)->change_identity(&call, value_identity_bytes(&id)));
}

/* add_broadcast(data): true when queued, false when not wanted */
static int add_broadcast(lua_State *L)
{
    static const char method[] = "node:add_broadcast";
    struct common_call call = check_entry(L, method);
    shoal_bytes data;
    int queued, results;

    data.data = (const uint8_t *)arguments_string(
        L, call.first, name(kind_of(L), method), &data.size);
    kind_of(L)->begin(L, &call);
    queued = shoal_add_broadcast(call.engine, call.now_us, data);
    results = end(L, &call, queued);
    if (queued < 0)
        return results;
    lua_pushboolean(L, queued);
    return 1;
}

/* set_tags{ zone = "b", draining = shoal.none } */
static int set_tags(lua_State *L)
{
    struct common_call call = check_entry(L, "node:set_tags");
    shoal_bytes tags;

    tagging_push_changed(L, call.engine, call.first,
                         name(kind_of(L), "node:set_tags"));
    tags.data = (const uint8_t *)lua_tolstring(L, -1, &tags.size);
    kind_of(L)->begin(L, &call);
    return end(L, &call, kind_of(L)->set_tags(&call, tags));
}

/* publish(topic, data): the number of what was said */
static int publish(lua_State *L)
{
    static const char method[] = "node:publish";
    struct common_call call = check_entry(L, method);
    const char *who = name(kind_of(L), method);
    uint64_t number = 0;
    shoal_bytes topic, data;
    int error, results;

    topic.data =
        (const uint8_t *)arguments_string(L, call.first, who, &topic.size);
    arguments_value(L, call.first + 1, who, "a value to publish");
    data = messaging_pack(L, call.first + 1, who);
    kind_of(L)->begin(L, &call);
    error = shoal_publish(call.engine, call.now_us, topic, data, &number);
    results = end(L, &call, error);
    if (error)
        return results;
    compat_push_uint(L, number);
    return 1;
}

/* STACK: nil message code -> nil "update 2 of 3: message" code 1 */
static int push_refused(lua_State *L, size_t applied, size_t count)
{
    lua_pushfstring(L, "update %d of %d: %s", (int)applied + 1, (int)count,
                    lua_tostring(L, -2));
    lua_replace(L, -3);
    lua_pushinteger(L, (lua_Integer)applied);
    return 4;
}

/* apply(states, { broadcast = true }) */
static int apply(lua_State *L)
{
    static const char *const names[] = {"broadcast", NULL};
    struct common_call call = check_entry(L, "node:apply");
    const char *who = name(kind_of(L), "node:apply");
    int options = call.first + 1;
    const shoal_update *updates;
    size_t count, applied;
    int error, results;
    bool spread;

    options_check(L, options, who, names, true);
    spread = options_boolean(L, options, who, "broadcast", false);
    updates = updates_check(L, call.first, who, &count);
    kind_of(L)->begin(L, &call);
    error =
        shoal_apply(call.engine, call.now_us, updates, count, spread, &applied);
    results = end(L, &call, error);
    if (error == 0 || error == SHOAL_ERR_REENTRANT || applied == count)
        return results;
    return push_refused(L, applied, count);
}

static int forget(lua_State *L)
{
    struct common_call call = check_entry(L, "node:forget");
    shoal_bytes addr;

    arguments_value(L, call.first, name(kind_of(L), "node:forget"),
                    "an address");
    if (value_to_addr(L, call.first, "address") != 0)
        lua_error(L);
    addr.data = (const uint8_t *)lua_tolstring(L, -1, &addr.size);
    kind_of(L)->begin(L, &call);
    return end(L, &call, kind_of(L)->forget(&call, addr));
}

/* set_config(config): over the present one */
static int set_config(lua_State *L)
{
    struct common_call call = check_entry(L, "node:set_config");
    const char *who = name(kind_of(L), "node:set_config");
    shoal_config config = *shoal_get_config(call.engine);

    arguments_value(L, call.first, who, "a config");
    if (config_read(L, call.first, who, kind_of(L)->cluster_size(&call),
                    &config) != 0)
        return result_error(L, SHOAL_ERR_INVALID_CONFIG, lua_tostring(L, -1));
    kind_of(L)->begin(L, &call);
    return end(L, &call, shoal_set_config(call.engine, call.now_us, &config));
}

/* ---- Queries; inside questions, too ---- */

static struct common_call check(lua_State *L)
{
    struct common_call call = {0};

    kind_of(L)->check(L, &call);
    return call;
}

static int identity(lua_State *L)
{
    view_push_identity(L, check(L).engine);
    return 1;
}

static int connection(lua_State *L)
{
    lua_pushstring(
        L, shoal_connection_name((int)shoal_get_connection(check(L).engine)));
    return 1;
}

static int num_members(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)shoal_num_members(check(L).engine));
    return 1;
}

/* A double counts to 2^53. */
static int view(lua_State *L)
{
    compat_push_uint(L, shoal_view(check(L).engine));
    return 1;
}

static struct owners_call of_living(lua_State *L, struct common_call *call,
                                    const char *method, int options)
{
    return (struct owners_call){.engine = call->engine,
                                .offset_us = kind_of(L)->clock_offset_us(call),
                                .who = name(kind_of(L), method),
                                .options = options};
}

static int size(lua_State *L)
{
    struct common_call call = check(L);
    struct owners_call living = of_living(L, &call, "node:size", 2);

    return owners_push_size(L, &living);
}

static int rank(lua_State *L)
{
    struct common_call call = check(L);
    struct owners_call living = of_living(L, &call, "node:rank", 2);

    return owners_push_rank(L, &living);
}

static int owner(lua_State *L)
{
    struct common_call call = check(L);
    struct owners_call living = of_living(L, &call, "node:owner", 3);
    shoal_bytes key;

    /* a number is other text in other Luas */
    if (lua_type(L, 2) != LUA_TSTRING)
        arguments_fail(L, 2, living.who, "a string");
    key.data = (const uint8_t *)arguments_string(L, 2, living.who, &key.size);
    return owners_push_owner(L, &living, key);
}

/* members{ state = "alive", where = function(member) ... end } */
static int members(lua_State *L)
{
    struct common_call call = check(L);

    view_push_members(L, call.engine, 2, name(kind_of(L), "node:members"),
                      kind_of(L)->clock_offset_us(&call));
    return 1;
}

static int member(lua_State *L)
{
    struct common_call call = check(L);

    arguments_value(L, 2, name(kind_of(L), "node:member"), "an address");
    view_push_member_at(L, call.engine, 2, kind_of(L)->clock_offset_us(&call));
    return 1;
}

static int state(lua_State *L)
{
    struct common_call call = check(L);

    view_push_state(L, call.engine, kind_of(L)->clock_offset_us(&call));
    return 1;
}

static int config(lua_State *L)
{
    shoal_config present = *shoal_get_config(check(L).engine);

    config_push(L, &present);
    return 1;
}

static int tags(lua_State *L)
{
    tagging_push_own(L, check(L).engine);
    return 1;
}

static int backlog(lua_State *L)
{
    view_push_backlog(L, check(L).engine);
    return 1;
}

static int stats(lua_State *L)
{
    struct common_call call = check(L);

    kind_of(L)->push_stats(L, &call);
    return 1;
}

const luaL_Reg common_methods[] = {
    {"gossip", gossip},
    {"broadcast", broadcast},
    {"add_broadcast", add_broadcast},
    {"leave", leave},
    {"apply", apply},
    {"set_tags", set_tags},
    {"publish", publish},
    {"tags", tags},
    {"forget", forget},
    {"change_identity", change_identity},
    {"reuse_down_identity", reuse_down_identity},
    {"set_config", set_config},
    {"identity", identity},
    {"connection", connection},
    {"num_members", num_members},
    {"view", view},
    {"size", size},
    {"rank", rank},
    {"owner", owner},
    {"members", members},
    {"member", member},
    {"state", state},
    {"config", config},
    {"backlog", backlog},
    {"stats", stats},
    {NULL, NULL},
};

void common_register(lua_State *L, const struct common_kind *kind)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)kind);
    luaL_setfuncs(L, common_methods, 1);
}
