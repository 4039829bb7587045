/* SPDX-License-Identifier: MIT */
/* The entry points of an engine as methods: check, begin, act, end. */
#include "object.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/result.h"
#include "../../lua/value.h"
#include "config.h"
#include "view.h"

static lua_State *begin(struct object *object, lua_State *L)
{
    lua_State *before = questions_use(object->questions, L);

    object->questions->error[0] = '\0';
    object->busy++;
    return before;
}

/* Pushes true, or nil, message, code. */
static int end(struct object *object, lua_State *L, lua_State *before,
               int error)
{
    object->busy--;
    object->questions->L = before;
    return view_push_result(L, error, object->core, object->questions);
}

/* receive(now, bytes) */
static int receive(lua_State *L)
{
    struct object *object = object_check_open(L);
    uint64_t now = options_check_time(L, 2, "receive: now");
    shoal_bytes packet;
    lua_State *before;

    packet.data = (const uint8_t *)luaL_checklstring(L, 3, &packet.size);
    before = begin(object, L);
    return end(object, L, before, shoal_receive(object->core, now, packet));
}

typedef int entry_fn(shoal *engine, uint64_t now_us);

/* The entry points that take only the time. */
static int enter(lua_State *L, const char *name, entry_fn *entry)
{
    struct object *object = object_check_open(L);
    uint64_t now = options_check_time(L, 2, name);
    lua_State *before = begin(object, L);

    return end(object, L, before, entry(object->core, now));
}

static int tick(lua_State *L)
{
    return enter(L, "tick: now", shoal_tick);
}

static int gossip(lua_State *L)
{
    return enter(L, "gossip: now", shoal_gossip);
}

static int broadcast(lua_State *L)
{
    return enter(L, "broadcast: now", shoal_broadcast);
}

static int leave(lua_State *L)
{
    return enter(L, "leave: now", shoal_leave);
}

static int reuse_down_identity(lua_State *L)
{
    return enter(L, "reuse_down_identity: now", shoal_reuse_down_identity);
}

typedef int identity_fn(shoal *engine, uint64_t now_us, shoal_bytes id);

/* Those that take an identity, too. */
static int enter_with_identity(lua_State *L, const char *name,
                               identity_fn *entry)
{
    struct object *object = object_check_open(L);
    uint64_t now = options_check_time(L, 2, name);
    lua_State *before;
    value_identity id;

    if (value_to_identity(L, 3, "identity", &id))
        return result_error(L, SHOAL_ERR_IDENTITY, lua_tostring(L, -1));
    before = begin(object, L);
    return end(object, L, before,
               entry(object->core, now, value_identity_bytes(&id)));
}

static int announce(lua_State *L)
{
    return enter_with_identity(L, "announce: now", shoal_announce);
}

static int leave_to(lua_State *L)
{
    return enter_with_identity(L, "leave_to: now", shoal_leave_to);
}

static int change_identity(lua_State *L)
{
    return enter_with_identity(L, "change_identity: now",
                               shoal_change_identity);
}

/* add_broadcast(now, data): true when queued, false when not wanted */
static int add_broadcast(lua_State *L)
{
    struct object *object = object_check_open(L);
    uint64_t now = options_check_time(L, 2, "add_broadcast: now");
    lua_State *before;
    shoal_bytes data;
    int queued;

    data.data = (const uint8_t *)luaL_checklstring(L, 3, &data.size);
    before = begin(object, L);
    queued = shoal_add_broadcast(object->core, now, data);
    end(object, L, before, queued);
    if (queued < 0)
        return 3;
    lua_pushboolean(L, queued);
    return 1;
}

/* apply(now, states, { broadcast = true }) */
static int apply(lua_State *L)
{
    static const char *const names[] = {"broadcast", NULL};
    struct object *object = object_check_open(L);
    uint64_t now = options_check_time(L, 2, "apply: now");
    const shoal_update *updates;
    lua_State *before;
    size_t count;
    bool spread;

    options_check(L, 4, "apply", names, true);
    spread = options_boolean(L, 4, "apply", "broadcast", false);
    updates = view_check_updates(L, 3, "apply", &count);
    before = begin(object, L);
    return end(object, L, before,
               shoal_apply(object->core, now, updates, count, spread));
}

/* forget(now, addr) */
static int forget(lua_State *L)
{
    struct object *object = object_check_open(L);
    uint64_t now = options_check_time(L, 2, "forget: now");
    shoal_bytes addr;
    lua_State *before;

    if (value_to_addr(L, 3, "forget"))
        lua_error(L);
    addr.data = (const uint8_t *)lua_tolstring(L, -1, &addr.size);
    before = begin(object, L);
    return end(object, L, before, shoal_forget(object->core, now, addr));
}

/* set_config(now, config): over the present one */
static int set_config(lua_State *L)
{
    struct object *object = object_check_open(L);
    uint64_t now = options_check_time(L, 2, "set_config: now");
    shoal_config config = *shoal_get_config(object->core);
    lua_State *before;

    luaL_checkany(L, 3);
    if (config_read(L, 3, "set_config", CONFIG_DEFAULT_CLUSTER_SIZE, &config))
        return result_error(L, SHOAL_ERR_INVALID_CONFIG, lua_tostring(L, -1));
    before = begin(object, L);
    return end(object, L, before, shoal_set_config(object->core, now, &config));
}

const luaL_Reg entries_methods[] = {
    {"receive", receive},
    {"tick", tick},
    {"announce", announce},
    {"gossip", gossip},
    {"broadcast", broadcast},
    {"add_broadcast", add_broadcast},
    {"leave", leave},
    {"leave_to", leave_to},
    {"change_identity", change_identity},
    {"reuse_down_identity", reuse_down_identity},
    {"apply", apply},
    {"forget", forget},
    {"set_config", set_config},
    {NULL, NULL},
};
