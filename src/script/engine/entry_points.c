/* SPDX-License-Identifier: MIT */
/* The entry points that a node has in another way: check, begin, act, end. */
#include "object.h"

#include "../../lua/options.h"
#include "../../lua/result.h"
#include "../../lua/value.h"
#include "config.h"
#include "messaging.h"
#include "view.h"

/* ---- The methods that a node has, too ---- */

static void check(lua_State *L, struct common_call *call)
{
    struct engine_object *object = object_check_open(L);

    call->object = object;
    call->engine = object->core;
    call->questions = object->questions;
}

static void check_entry(lua_State *L, struct common_call *call,
                        const char *method)
{
    check(L, call);
    if (lua_type(L, 2) != LUA_TNUMBER ||
        !options_to_us(lua_tonumber(L, 2), &call->now_us))
        options_check_time(L, 2, lua_pushfstring(L, "%s: now", method));
    call->first = 3;
}

static void begin(lua_State *L, struct common_call *call)
{
    struct engine_object *object = call->object;

    call->before = questions_use(call->questions, L);
    call->questions->error.text[0] = '\0';
    object->busy++;
}

/* Pushes true, or nil, message, code. */
static int end(lua_State *L, struct common_call *call, int error)
{
    struct engine_object *object = call->object;

    object->busy--;
    object->questions->L = call->before;
    return view_push_result(L, error, object->core, object->questions);
}

static int leave_now(struct common_call *call)
{
    return shoal_leave(call->engine, call->now_us);
}

static int set_tags_now(struct common_call *call, shoal_bytes tags)
{
    return shoal_set_tags(call->engine, call->now_us, tags);
}

static int forget_now(struct common_call *call, shoal_bytes addr)
{
    return shoal_forget(call->engine, call->now_us, addr);
}

static int become(struct common_call *call, shoal_bytes id)
{
    return shoal_change_identity(call->engine, call->now_us, id);
}

static uint32_t cluster_size(const struct common_call *call)
{
    (void)call;
    return CONFIG_DEFAULT_CLUSTER_SIZE;
}

static int64_t clock_offset_us(const struct common_call *call)
{
    (void)call;
    return 0;
}

/* The engine's counters, its allocator's, and its handlers'. */
static void push_stats(lua_State *L, struct common_call *call)
{
    struct engine_object *object = call->object;

    view_push_stats(L, object->core);
    lua_pushnumber(L, (lua_Number)object->memory.calls);
    lua_setfield(L, -2, "allocations");
    protected_push_counts(L, &object->counts);
    if (object->last_error[0] != '\0') {
        lua_pushstring(L, object->last_error);
        lua_setfield(L, -2, "last_error");
    }
    lua_setfield(L, -2, "handlers");
}

const struct common_kind object_kind = {
    .prefix = "",
    .cluster_size = cluster_size,
    .clock_offset_us = clock_offset_us,
    .check = check,
    .check_entry = check_entry,
    .begin = begin,
    .end = end,
    .leave = leave_now,
    .set_tags = set_tags_now,
    .forget = forget_now,
    .change_identity = become,
    .push_stats = push_stats,
};

/* ---- An engine's own ---- */

/* receive(now, bytes) */
static int receive(lua_State *L)
{
    struct common_call call;
    shoal_bytes packet;

    check_entry(L, &call, "receive");
    packet.data = (const uint8_t *)luaL_checklstring(L, 3, &packet.size);
    begin(L, &call);
    return end(L, &call, shoal_receive(call.engine, call.now_us, packet));
}

static int tick(lua_State *L)
{
    struct common_call call;

    check_entry(L, &call, "tick");
    begin(L, &call);
    return end(L, &call, shoal_tick(call.engine, call.now_us));
}

typedef int identity_fn(shoal *engine, uint64_t now_us, shoal_bytes id);

static int tell(lua_State *L, const char *method, identity_fn *entry)
{
    struct common_call call;
    value_identity id;

    check_entry(L, &call, method);
    if (value_to_identity(L, 3, "identity", &id))
        return result_error(L, SHOAL_ERR_IDENTITY, lua_tostring(L, -1));
    begin(L, &call);
    return end(L, &call,
               entry(call.engine, call.now_us, value_identity_bytes(&id)));
}

static int announce(lua_State *L)
{
    return tell(L, "announce", shoal_announce);
}

static int leave_to(lua_State *L)
{
    return tell(L, "leave_to", shoal_leave_to);
}

/* send_to(now, to, data[, ticket]) */
static int send_to(lua_State *L)
{
    struct common_call call;
    value_identity to;
    uint64_t ticket;
    int results;

    lua_settop(L, 5);
    check_entry(L, &call, "send_to");
    results = messaging_find(L, call.engine, 3, "send_to", &to);
    if (results > 0)
        return results;
    shoal_bytes data = messaging_pack(L, 4, "send_to");
    ticket = (uint64_t)luaL_optnumber(L, 5, 0);
    begin(L, &call);
    return end(L, &call,
               shoal_send_to(call.engine, call.now_us,
                             value_identity_bytes(&to), 0, data, ticket));
}

const luaL_Reg entries_methods[] = {
    {"receive", receive},   {"tick", tick},       {"announce", announce},
    {"leave_to", leave_to}, {"send_to", send_to}, {NULL, NULL},
};
