/* SPDX-License-Identifier: MIT */
#include "handler_table.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/protected_call.h"
#include "command_table.h"
#include "tagging.h"

#include <string.h>

/* Tables (of questions; of topics), what is a table or a function, what is true
 * or false, then functions. */
enum {
    ON_ASK = 3,
    TOPICS,
    COMMANDS,
    PAGES,
    NUM_TABLES,
    TAGS = NUM_TABLES,
    PERSIST,
    RENAME_AS_DOWN_UP,
    MAX_TOPIC = 64
};
static const char *const names[] = {
    "identity",
    "broadcast",
    "codec",
    "on_ask",
    "topics",
    "commands",
    "http",
    "tags",
    "persist",
    "rename_as_down_up",
    "check_tags",
    "admit",
    "on_start",
    "on_reload",
    "on_stop",
#define EVENT_0(name)                             "on_" name,
#define EVENT_1(name)                             /* a diagnostic has no handler */
#define EVENT_2(name)                             "on_" name,
#define EVENT(NAME, VALUE, name, DIAGNOSTIC, ...) EVENT_##DIAGNOSTIC(name)
    SHOAL_EVENTS(EVENT) NULL,
};

static bool is_table_name(int index)
{
    return index < NUM_TABLES;
}

static const char *type_of(lua_State *L, int index)
{
    int type = lua_type(L, index);
    return type == LUA_TNIL || type == LUA_TNONE ? "nothing"
                                                 : lua_typename(L, type);
}

/* { name = function } */
static void check_topics(lua_State *L, const char *who, int topics)
{
    int name = lua_gettop(L) + 1, value = name + 1;
    for (lua_pushnil(L); lua_next(L, topics); lua_settop(L, name)) {
        if (lua_type(L, name) != LUA_TSTRING || lua_rawlen(L, name) == 0 ||
            lua_rawlen(L, name) > MAX_TOPIC)
            luaL_error(L, "%s: a topic must have a name of 1 to %d bytes", who,
                       MAX_TOPIC);
        if (!lua_isfunction(L, value))
            luaL_error(L, "%s: 'topics.%s' must be a function, got %s", who,
                       lua_tostring(L, name), options_describe(L, value));
    }
}

static int type_wanted(int name)
{
    if (is_table_name(name))
        return LUA_TTABLE;
    return name == PERSIST || name == RENAME_AS_DOWN_UP ? LUA_TBOOLEAN
                                                        : LUA_TFUNCTION;
}

/* Raises unless the field's value is of the type that its name calls for. */
static void check_field(lua_State *L, const char *who, int name, int value)
{
    int wanted = type_wanted(name);
    if (name == TAGS && lua_istable(L, value)) {
        tagging_push_packed(L, value, who);
        lua_pop(L, 1);
        return;
    }
    if (name == TAGS && !lua_isfunction(L, value))
        luaL_error(L, "%s: 'tags' must be a table or a function, got %s", who,
                   options_describe(L, value));
    if (lua_type(L, value) != wanted)
        luaL_error(L, "%s: '%s' must be a %s, got %s", who, names[name],
                   lua_typename(L, wanted), options_describe(L, value));
    if (name == TOPICS)
        check_topics(L, who, value);
    if (name == COMMANDS)
        command_table_check(L, value, who);
    if (name == PAGES)
        command_table_check_pages(L, value, who);
}

/* Its functions have whatever names there are questions. */
static void check_questions(lua_State *L, const char *who, int table)
{
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L,
                       "%s: on_ask: questions must have names, got the key %s",
                       who, options_describe(L, -2));
        const char *name = lua_tostring(L, -2);
        if (!lua_isfunction(L, -1))
            luaL_error(L, "%s: 'on_ask.%s' must be a function, got %s", who,
                       name, options_describe(L, -1));
    }
}

static int find_name(const char *name)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

static void check_entry(lua_State *L, const char *who, int key, int value)
{
    if (lua_type(L, key) != LUA_TSTRING)
        luaL_error(L, "%s: handlers must have names, got the key %s", who,
                   options_describe(L, key));
    const char *name = lua_tostring(L, key);
    if (*name == '_')
        return;
    int known = find_name(name);
    if (known < 0)
        options_unknown(L, who, "field", name, names);
    check_field(L, who, known, value);
    if (known == ON_ASK)
        check_questions(L, who, value);
}

static void replace(lua_State *L, int index)
{
    if (!lua_istable(L, index) || !luaL_getmetafield(L, index, "__handlers"))
        return;
    lua_pushvalue(L, index);
    protected_plain(L, 1, 1);
    lua_replace(L, index);
}

void handler_table_check(lua_State *L, int index, const char *who)
{
    index = lua_absindex(L, index);
    replace(L, index);
    if (!lua_istable(L, index))
        luaL_error(L,
                   "%s: must return its table of handlers, but returned %s (is "
                   "'return M' missing at the end?)",
                   who, type_of(L, index));
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        check_entry(L, who, lua_gettop(L) - 1, lua_gettop(L));
}

/* Adds "table.function" for each function, or command, in the table on top of
 * the stack. */
static void add_questions(lua_State *L, int name, int list)
{
    const char *table = names[name];
    bool is_command = name == COMMANDS;
    int inner = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, inner); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING ||
            (!lua_isfunction(L, -1) && !is_command))
            continue;
        lua_pushfstring(L, "%s.%s", table, lua_tostring(L, -2));
        lua_rawseti(L, list, (int)lua_rawlen(L, list) + 1);
    }
}

void handler_table_push_defined(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_newtable(L);
    int list = lua_gettop(L);
    for (int i = 0; names[i]; i++) {
        lua_getfield(L, index, names[i]);
        if (is_table_name(i) && lua_istable(L, -1))
            add_questions(L, i, list);
        else if (!lua_isnil(L, -1)) {
            lua_pushstring(L, names[i]);
            lua_rawseti(L, list, (int)lua_rawlen(L, list) + 1);
        }
        lua_pop(L, 1);
    }
}
