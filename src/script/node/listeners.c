/* SPDX-License-Identifier: MIT */
/*
 * The registry has { event = { function, ... } } for each scope. A list is
 * never changed, but replaced by another: so one that is being told of an event
 * stays as it is while listeners come and go.
 */
#include "listeners.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/refs.h"
#include "node.h"

#include <string.h>

/* ---- Names ---- */

static const char *check_event(lua_State *L, const char *who)
{
    static const char *const names[] = {
#define EVENT_NAME(NAME, VALUE, name, ...) name,
        SHOAL_EVENTS(EVENT_NAME)
#undef EVENT_NAME
            "*",
        NULL};
    if (lua_type(L, 2) != LUA_TSTRING)
        luaL_error(L, "%s: needs the name of an event, got %s", who,
                   options_describe(L, 2));
    const char *name = lua_tostring(L, 2);
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0)
            return name;
    }
    options_unknown(L, who, "event", name, names);
    return NULL;
}

static void check_function(lua_State *L, const char *who)
{
    if (!lua_isfunction(L, 3))
        luaL_error(L, "%s: needs a function, got %s", who,
                   options_describe(L, 3));
}

/* ---- Lists ---- */

/* Pushes the scope's table of lists. */
static void push_lists(lua_State *L, struct scope *scope)
{
    if (scope->listeners == REFS_NONE) {
        lua_newtable(L);
        scope->listeners = refs_new(L);
    }
    refs_push(L, scope->listeners);
}

/* Pushes a list of the functions in the one at `from` (or nil), without the
 * first that is the value at `without` (0: with all), and says how many. */
static int push_copy(lua_State *L, int from, int without)
{
    int size = lua_istable(L, from) ? (int)lua_rawlen(L, from) : 0;
    int kept = 0;
    lua_createtable(L, size + 1, 0);
    for (int i = 1; i <= size; i++) {
        lua_rawgeti(L, from, i);
        if (without && lua_rawequal(L, -1, without)) {
            lua_pop(L, 1);
            without = 0;
        } else {
            lua_rawseti(L, -2, ++kept);
        }
    }
    return kept;
}

/* Asks the engine for the diagnostics that somebody listens to.
 * STACK: ... lists at 4 */
static void update_diagnostics(lua_State *L, struct scope *scope)
{
    scope->diagnostics = 0;
    for (int event = 0; event < SHOAL_NUM_EVENTS; event++) {
        if (!shoal_event_is_diagnostic((shoal_event)event))
            continue;
        lua_getfield(L, 4, shoal_event_name(event));
        if (!lua_isnil(L, -1))
            scope->diagnostics |= 1u << event;
        lua_pop(L, 1);
    }
    node_update_diagnostics(scope->node);
}

/* Adds the function at 3 to the list under that key.
 * STACK: node . fn -> node . fn lists */
static void add(lua_State *L, struct scope *scope, const char *key)
{
    lua_settop(L, 3);
    push_lists(L, scope); /* 4 */
    lua_getfield(L, 4, key);
    int count = push_copy(L, 5, 0);
    lua_pushvalue(L, 3);
    lua_rawseti(L, -2, count + 1);
    lua_setfield(L, 4, key);
    lua_settop(L, 4);
}

/* Takes it out. Was it there?
 * STACK: node . fn -> node . fn lists */
static bool take_out(lua_State *L, struct scope *scope, const char *key)
{
    lua_settop(L, 3);
    push_lists(L, scope); /* 4 */
    lua_getfield(L, 4, key);
    int before = lua_istable(L, 5) ? (int)lua_rawlen(L, 5) : 0;
    int count = push_copy(L, 5, 3);
    if (count == 0) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    lua_setfield(L, 4, key);
    lua_settop(L, 4);
    return count < before;
}

int listeners_on(lua_State *L, struct scope *scope)
{
    const char *event = check_event(L, "node:on");
    check_function(L, "node:on");
    add(L, scope, event);
    update_diagnostics(L, scope);
    return 0;
}

int listeners_off(lua_State *L, struct scope *scope)
{
    const char *event = check_event(L, "node:off");
    check_function(L, "node:off");
    bool was_there = take_out(L, scope, event);
    update_diagnostics(L, scope);
    lua_pushboolean(L, was_there);
    return 1;
}

/* ---- Topics: beside the events, under a key that is none ---- */

enum { MAX_TOPIC = 64 };
static const char prefix[] = "topic:";

struct topic_key {
    char text[sizeof prefix + MAX_TOPIC];
};

/* false: that is no topic. */
static bool make_key(lua_State *L, int topic, struct topic_key *key)
{
    size_t size;
    const char *name = lua_tolstring(L, topic, &size);
    if (size == 0 || size > MAX_TOPIC || strlen(name) != size)
        return false;
    memcpy(key->text, prefix, sizeof prefix - 1);
    memcpy(key->text + sizeof prefix - 1, name, size + 1);
    return true;
}

static void check_topic(lua_State *L, const char *who, struct topic_key *key)
{
    if (lua_type(L, 2) != LUA_TSTRING || !make_key(L, 2, key))
        luaL_error(L, "%s: needs the name of a topic, 1 to %d bytes, got %s",
                   who, MAX_TOPIC, options_describe(L, 2));
    check_function(L, who);
}

int listeners_subscribe(lua_State *L, struct scope *scope)
{
    struct topic_key key;
    check_topic(L, "node:subscribe", &key);
    add(L, scope, key.text);
    return 0;
}

int listeners_unsubscribe(lua_State *L, struct scope *scope)
{
    struct topic_key key;
    check_topic(L, "node:unsubscribe", &key);
    lua_pushboolean(L, take_out(L, scope, key.text));
    return 1;
}

/* ---- Telling ---- */

/* Calls each function of the list under `key` with the node's object and the
 * values from `first` to `last`. */
static void tell_list(lua_State *L, struct scope *scope, const char *key,
                      int first, int last)
{
    if (scope->listeners == REFS_NONE)
        return;
    refs_push(L, scope->listeners);
    lua_getfield(L, -1, key);
    int list = lua_gettop(L);
    int size = lua_istable(L, list) ? (int)lua_rawlen(L, list) : 0;
    for (int i = 1; i <= size && !scope->ended; i++) {
        lua_rawgeti(L, list, i);
        scope_push_self(scope, L);
        for (int value = first; value <= last; value++)
            lua_pushvalue(L, value);
        (void)protected_call(scope->caller, L, last - first + 2, 0, "listener");
        lua_settop(L, list);
    }
    lua_settop(L, last);
}

void listeners_tell(lua_State *L, struct scope *scope, shoal_event event,
                    int first)
{
    int last = lua_gettop(L);
    luaL_checkstack(L, 16, "cannot deliver an event");
    tell_list(L, scope, shoal_event_name(event), first + 1, last);
    if (!shoal_event_is_diagnostic(event))
        tell_list(L, scope, "*", first, last);
}

void listeners_tell_topic(lua_State *L, struct scope *scope, int first)
{
    struct topic_key key;
    if (make_key(L, first, &key))
        tell_list(L, scope, key.text, first + 1, lua_gettop(L));
}
