/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/refs.h"
#include "../../lua/result.h"
#include "../../lua/templates.h"
#include "../../lua/value.h"
#include "../../wire/wire.h"

#include "messaging.h"
#include "tagging.h"

#include <limits.h>
#include <string.h>

const char *const view_states[] = {"alive", "suspect", "down", NULL};

/* ---- Members ---- */

/* Where the function that makes one is known already. */
static void push_member(lua_State *L, const struct templates *templates,
                        const shoal_member *member, int64_t offset_us)
{
    refs_push(L, templates->member);
    templates_push_member(L, member, offset_us);
    protected_plain(L, TEMPLATES_MEMBER_ARGS, 1);
}

void view_push_member(lua_State *L, const shoal_member *member,
                      int64_t offset_us)
{
    push_member(L, templates_of(L), member, offset_us);
}

/* The engine's bytes are good until the next entry point, and any allocation in
 * Lua may run a finalizer, which may call one. */
void view_push_identity(lua_State *L, const shoal *engine)
{
    shoal_bytes id = shoal_self(engine).id;
    uint8_t copy[SHOAL_MAX_IDENTITY];

    memcpy(copy, id.data, id.size);
    value_push_identity(L, (shoal_bytes){copy, id.size});
}

/* Which members a list is of: a bit for each shoal_state. */
enum {
    ONLY_ALIVE = 1 << SHOAL_ALIVE,
    ONLY_SUSPECT = 1 << SHOAL_SUSPECT,
    ONLY_DOWN = 1 << SHOAL_DOWN,
    ACTIVE = ONLY_ALIVE | ONLY_SUSPECT,
    ALL = ACTIVE | ONLY_DOWN
};

static const char *const selections[] = {"active", "alive", "suspect",
                                         "down",   "all",   NULL};
static const unsigned selected[] = {ACTIVE, ONLY_ALIVE, ONLY_SUSPECT, ONLY_DOWN,
                                    ALL};

static void push_list(lua_State *L, const shoal *engine, unsigned states,
                      int64_t offset_us)
{
    size_t expected = states & ONLY_DOWN ? shoal_num_known(engine)
                                         : shoal_num_members(engine);
    const struct templates *templates = templates_of(L);
    shoal_member member;
    uint32_t cursor = 0;
    int count = 0;

    lua_createtable(L, expected < INT_MAX ? (int)expected : 0, 0);
    while (shoal_next_member(engine, &cursor, &member)) {
        if (!(states & 1u << member.state))
            continue;
        push_member(L, templates, &member, offset_us);
        lua_rawseti(L, -2, ++count);
    }
}

void view_push_living(lua_State *L, const shoal *engine, int64_t offset_us)
{
    shoal_member self;

    luaL_checkstack(L, 12, "cannot list the members");
    push_list(L, engine, ACTIVE, offset_us);
    self = shoal_self(engine);
    if (self.state == SHOAL_DOWN)
        return;
    view_push_member(L, &self, offset_us);
    lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
}

/* STACK: list where -> list of those for which `where` holds */
static void filter(lua_State *L)
{
    int where = lua_gettop(L), list = where - 1, out = where + 1;
    int count = (int)lua_rawlen(L, list), kept = 0;

    lua_newtable(L);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, where);
        lua_rawgeti(L, list, i);
        lua_pushvalue(L, -1);
        lua_insert(L, -3);
        protected_plain(L, 1, 1);
        if (lua_toboolean(L, -1)) {
            lua_pushvalue(L, -2);
            lua_rawseti(L, out, ++kept);
        }
        lua_settop(L, out);
    }
    lua_replace(L, list);
    lua_settop(L, list);
}

/* STACK: list tags -> list of those that have these */
static void filter_tags(lua_State *L)
{
    int wanted = lua_gettop(L), list = wanted - 1, kept = 0;
    int count = (int)lua_rawlen(L, list);

    lua_newtable(L);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, list, i);
        if (tagging_match(L, -1, wanted))
            lua_rawseti(L, wanted + 1, ++kept);
        else
            lua_pop(L, 1);
    }
    lua_replace(L, list);
    lua_settop(L, list);
}

bool view_has_where(lua_State *L, int options)
{
    options_get(L, options, "where");
    bool has = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return has;
}

void view_filter_where(lua_State *L, int options, const char *who)
{
    options_get(L, options, "where");
    if (lua_isnil(L, -1))
        lua_pop(L, 1);
    else if (lua_isfunction(L, -1))
        filter(L);
    else if (lua_istable(L, -1))
        filter_tags(L);
    else
        options_error(L, who, "where", "must be tags or a function", -1);
}

void view_push_members(lua_State *L, const shoal *engine, int options,
                       const char *who, int64_t offset_us)
{
    static const char *const names[] = {"state", "where", "tags", NULL};
    unsigned states;

    luaL_checkstack(L, 12, "cannot list the members");
    options_check(L, options, who, names, true);
    states = selected[options_choice(L, options, who, "state", selections, 0)];
    push_list(L, engine, states, offset_us);
    view_filter_where(L, options < 0 ? options - 1 : options, who);
    if (options_table(L, options < 0 ? options - 1 : options, who, "tags"))
        filter_tags(L);
}

void view_push_state(lua_State *L, const shoal *engine, int64_t offset_us)
{
    luaL_checkstack(L, 12, "cannot list the members");
    push_list(L, engine, ALL, offset_us);
}

void view_push_member_at(lua_State *L, const shoal *engine, int index,
                         int64_t offset_us)
{
    shoal_member member;
    shoal_bytes addr;
    bool found;

    luaL_checkstack(L, 12, "cannot push a member");
    if (value_to_addr(L, index, "member"))
        lua_error(L);
    addr.data = (const uint8_t *)lua_tolstring(L, -1, &addr.size);
    found = shoal_find(engine, addr, &member);
    lua_pop(L, 1);
    if (found)
        view_push_member(L, &member, offset_us);
    else
        lua_pushnil(L);
}

/* ---- Events ---- */

static void push_before(lua_State *L, const shoal_effect *effect)
{
    lua_createtable(L, 0, 2);
    value_push_identity(L, effect->before);
    lua_setfield(L, -2, "id");
    value_push_addr(L, effect->member.addr); /* a rename keeps the address */
    lua_setfield(L, -2, "addr");
}

static void push_packet(lua_State *L, const shoal_effect *effect)
{
    lua_createtable(L, 0, 7);
    value_push_identity(L, effect->member.id);
    lua_setfield(L, -2, "id");
    lua_pushstring(L, shoal_message_name(effect->message));
    lua_setfield(L, -2, "message");
    lua_pushinteger(L, (lua_Integer)effect->updates);
    lua_setfield(L, -2, "updates");
    lua_pushinteger(L, (lua_Integer)effect->size);
    lua_setfield(L, -2, "size");
    lua_pushinteger(L, (lua_Integer)effect->member.incarnation);
    lua_setfield(L, -2, "incarnation");
    if (wire_has_number(effect->message)) {
        lua_pushinteger(L, (lua_Integer)effect->number);
        lua_setfield(L, -2, "number");
    }
    if (effect->before.size > 0) {
        value_push_identity(L, effect->before);
        lua_setfield(L, -2, "peer");
    }
}

static void push_dropped(lua_State *L, const shoal_effect *effect)
{
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, (lua_Integer)effect->size);
    lua_setfield(L, -2, "size");
    lua_pushstring(L, shoal_drop_name(effect->drop));
    lua_setfield(L, -2, "reason");
}

/* nil as a table without any. */
static void push_tags(lua_State *L, shoal_bytes tags)
{
    templates_push_tags(L, tags);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
}

static void push_changed(lua_State *L, const shoal_effect *effect)
{
    refs_push(L, templates_of(L)->changed);
    push_tags(L, effect->before);
    push_tags(L, effect->member.tags);
    protected_plain(L, 2, 1);
}

/* Within 2^53, where a double counts exactly. */
static void push_outcome(lua_State *L, const shoal_effect *effect)
{
    compat_push_uint(L, effect->ticket);
    if (effect->event == SHOAL_EVENT_MESSAGE_FAILED)
        lua_pushstring(L, shoal_error_name(effect->error));
}

/* published(topic, data, from, number), missed(topic, from, first, last) */
static void push_published(lua_State *L, const shoal_effect *effect,
                           int64_t offset_us)
{
    bool is_missed = effect->event == SHOAL_EVENT_MISSED;

    lua_pushlstring(L, (const char *)effect->before.data, effect->before.size);
    if (!is_missed)
        messaging_push(L, effect->data);
    view_push_member(L, &effect->member, offset_us);
    if (is_missed)
        compat_push_uint(L, effect->first);
    if (is_missed && effect->last == 0)
        lua_pushnil(L);
    else
        compat_push_uint(L, effect->last);
}

int view_push_event(lua_State *L, const shoal_effect *effect, int64_t offset_us)
{
    int top = lua_gettop(L);

    luaL_checkstack(L, 12, "cannot push an event");
    lua_pushstring(L, shoal_event_name((int)effect->event));
    switch (shoal_event_carries(effect->event)) {
    case SHOAL_CARRIES_NOTHING:
    case SHOAL_CARRIES_CHANGES:
        break;
    case SHOAL_CARRIES_PACKET:
        push_packet(L, effect);
        break;
    case SHOAL_CARRIES_ITEM:
        push_dropped(L, effect);
        break;
    case SHOAL_CARRIES_IGNORED:
        view_push_member(L, &effect->member, offset_us);
        push_dropped(L, effect);
        break;
    case SHOAL_CARRIES_REASON:
        view_push_member(L, &effect->member, offset_us);
        lua_pushstring(L, shoal_drop_name(effect->drop));
        break;
    case SHOAL_CARRIES_TAGS:
        view_push_member(L, &effect->member, offset_us);
        push_changed(L, effect);
        break;
    case SHOAL_CARRIES_MESSAGE:
        messaging_push(L, effect->data);
        view_push_member(L, &effect->member, offset_us);
        break;
    case SHOAL_CARRIES_OUTCOME:
        view_push_member(L, &effect->member, offset_us);
        push_outcome(L, effect);
        break;
    case SHOAL_CARRIES_PUBLISHED:
    case SHOAL_CARRIES_MISSED:
        push_published(L, effect, offset_us);
        break;
    case SHOAL_CARRIES_BOTH:
        push_before(L, effect);
        view_push_member(L, &effect->member, offset_us);
        break;
    case SHOAL_CARRIES_MEMBER:
    case SHOAL_CARRIES_OURSELVES:
        view_push_member(L, &effect->member, offset_us);
        break;
    }
    return lua_gettop(L) - top;
}

/* ---- Numbers ---- */

typedef const char *name_fn(int value);

static void set_counts(lua_State *L, const char *name, const uint64_t *values,
                       int count, name_fn *name_of)
{
    lua_createtable(L, 0, count);
    for (int i = 0; i < count; i++)
        value_set_count(L, name_of(i), values[i]);
    lua_setfield(L, -2, name);
}

static void set_rtt(lua_State *L, const shoal_stats *stats)
{
    lua_createtable(L, 0, 2);
    lua_pushnumber(L, (lua_Number)stats->rtt_us / 1e6);
    lua_setfield(L, -2, "seconds");
    lua_createtable(L, SHOAL_RTT_CLASSES, 0);
    for (int i = 0; i < SHOAL_RTT_CLASSES; i++) {
        lua_pushnumber(L, (lua_Number)stats->rtts[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "took");
    lua_setfield(L, -2, "rtt");
}

void view_push_stats(lua_State *L, const shoal *engine)
{
    shoal_stats stats = shoal_get_stats(engine);

    luaL_checkstack(L, 12, "cannot push the stats");
    lua_createtable(L, 0, 16);
#define PUSH(name, text) value_set_count(L, #name, stats.name);
    SHOAL_COUNTERS(PUSH)
#undef PUSH
    set_counts(L, "sent", stats.sent, SHOAL_NUM_MESSAGES, shoal_message_name);
    set_counts(L, "received", stats.received, SHOAL_NUM_MESSAGES,
               shoal_message_name);
    set_counts(L, "dropped", stats.dropped, SHOAL_NUM_DROPS, shoal_drop_name);
    set_rtt(L, &stats);
}

void view_push_backlog(lua_State *L, const shoal *engine)
{
    luaL_checkstack(L, 3, "cannot push the backlog");
    lua_createtable(L, 0, 3);
    value_set_count(L, "updates", shoal_num_updates(engine));
    value_set_count(L, "broadcasts", shoal_num_broadcasts(engine));
    value_set_count(L, "messages", shoal_num_messages(engine));
}

/* ---- Results ---- */

static bool is_about_a_question(int error)
{
    return error == SHOAL_ERR_IDENTITY || error == SHOAL_ERR_BROADCAST ||
           error == SHOAL_ERR_CODEC;
}

int view_push_result(lua_State *L, int error, const shoal *engine,
                     const questions *q)
{
    const char *detail;

    if (error >= 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    detail = shoal_error_detail(engine);
    if (q && is_about_a_question(error) && q->error.text[0] != '\0')
        detail = q->error.text;
    return result_error(L, error, detail);
}
