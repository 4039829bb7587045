/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "compat.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_SHOWN = 40, /* bytes of a string in a message */
    MAX_NAME = 63   /* longer names resemble nothing */
};

/* ---- Messages ---- */

const char *options_describe(lua_State *L, int index)
{
    size_t size;
    const char *string;

    index =
        index < 0 && index > LUA_REGISTRYINDEX ? lua_absindex(L, index) : index;
    switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
        lua_pushliteral(L, "nil");
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TNUMBER: /* a copy: lua_tostring() changes what it looks at */
        lua_pushvalue(L, index);
        lua_tostring(L, -1);
        break;
    case LUA_TSTRING:
        string = lua_tolstring(L, index, &size);
        if (size > MAX_SHOWN) {
            lua_pushlstring(L, string, MAX_SHOWN);
            lua_pushfstring(L, "'%s...'", lua_tostring(L, -1));
            lua_remove(L, -2);
        } else {
            lua_pushfstring(L, "'%s'", string);
        }
        break;
    default:
        lua_pushfstring(L, "a %s", luaL_typename(L, index));
    }
    return lua_tostring(L, -1);
}

int options_error(lua_State *L, const char *who, const char *name,
                  const char *problem, int value)
{
    const char *got = options_describe(L, value);

    return luaL_error(L, "%s: option '%s' %s, got %s", who, name, problem, got);
}

/* ---- Resemblance ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be changed, added, removed or swapped with their
 * neighbour (optimal string alignment, three rows). */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][MAX_NAME + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2], *spare;
    size_t width = strlen(b);

    for (size_t j = 0; j <= width; j++)
        last[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            row[j] = least(last[j], row[j - 1]) + 1;
            row[j] = least(row[j], last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[width];
}

/* The entry of `names` that `name` was probably meant to be, or NULL. */
static const char *find_nearest(const char *name, const char *const *names)
{
    size_t length = strlen(name);
    /* more than that is another word; `on_` makes no two words alike */
    size_t best = (strncmp(name, "on_", 3) == 0 ? length - 3 : length) / 3 + 1;
    const char *nearest = NULL;

    if (length > MAX_NAME)
        return NULL;
    for (; *names; names++) {
        size_t far;

        if (strlen(*names) > MAX_NAME)
            continue;
        far = distance(name, *names);
        if (far < best || (far == best && !nearest)) {
            best = far;
            nearest = *names;
        }
    }
    return nearest;
}

int options_unknown(lua_State *L, const char *who, const char *sort,
                    const char *name, const char *const *names)
{
    const char *nearest = find_nearest(name, names);

    if (nearest)
        return luaL_error(L, "%s: unknown %s '%s' (did you mean '%s'?)", who,
                          sort, name, nearest);
    return luaL_error(L, "%s: unknown %s '%s'", who, sort, name);
}

/* nearest(name, list) -> string | nil */
static int nearest(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char **names;
    int count;

    luaL_checktype(L, 2, LUA_TTABLE);
    count = (int)lua_rawlen(L, 2);
    luaL_checkstack(L, count + 2, "the list is too long");
    names = compat_newblock(L, ((size_t)count + 1) * sizeof *names);
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, 2, i + 1); /* stays on the stack, and so in memory */
        names[i] = luaL_checkstring(L, -1);
    }
    names[count] = NULL;
    lua_pushstring(L, find_nearest(name, names));
    return 1;
}

/* ---- Reading ---- */

bool options_is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static void check_keys(lua_State *L, int index, const char *who,
                       const char *const *names)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "%s: options must have names, got the key %s", who,
                       options_describe(L, -1));
        if (!options_is_among(lua_tostring(L, -1), names))
            options_unknown(L, who, "option", lua_tostring(L, -1), names);
    }
}

void options_check(lua_State *L, int index, const char *who,
                   const char *const *names, bool optional)
{
    if (optional && lua_isnoneornil(L, index))
        return;
    if (!lua_istable(L, index))
        luaL_error(L, "%s: options must be a table, got %s", who,
                   options_describe(L, index));
    check_keys(L, lua_absindex(L, index), who, names);
}

int options_get(lua_State *L, int index, const char *name)
{
    if (!lua_istable(L, index)) {
        lua_pushnil(L);
        return LUA_TNIL;
    }
    index = lua_absindex(L, index);
    lua_pushstring(L, name);
    lua_rawget(L, index);
    return lua_type(L, -1);
}

const char *options_string(lua_State *L, int index, const char *who,
                           const char *name, const char *fallback)
{
    int type = options_get(L, index, name);
    const char *value = fallback;

    if (type == LUA_TSTRING)
        value = lua_tostring(L, -1);
    else if (type != LUA_TNIL)
        options_error(L, who, name, "must be a string", -1);
    lua_pop(L, 1);
    return value;
}

bool options_boolean(lua_State *L, int index, const char *who, const char *name,
                     bool fallback)
{
    int type = options_get(L, index, name);
    bool value = fallback;

    if (type == LUA_TBOOLEAN)
        value = lua_toboolean(L, -1);
    else if (type != LUA_TNIL)
        options_error(L, who, name, "must be true or false", -1);
    lua_pop(L, 1);
    return value;
}

double options_number(lua_State *L, int index, const char *who,
                      const char *name, double fallback)
{
    int type = options_get(L, index, name);
    double value = fallback;

    if (type == LUA_TNUMBER)
        value = lua_tonumber(L, -1);
    else if (type != LUA_TNIL)
        options_error(L, who, name, "must be a number", -1);
    lua_pop(L, 1);
    return value;
}

double options_integer(lua_State *L, int index, const char *who,
                       const char *name, double low, double high,
                       double fallback)
{
    int type = options_get(L, index, name);
    double value;

    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return fallback;
    }
    value = lua_tonumber(L, -1);
    if (type != LUA_TNUMBER || !(value >= low && value <= high) ||
        (double)(int64_t)value != value) {
        char problem[80];

        snprintf(problem, sizeof problem,
                 "must be a whole number from %.0f to %.0f", low, high);
        options_error(L, who, name, problem, -1);
    }
    lua_pop(L, 1);
    return value;
}

int options_choice(lua_State *L, int index, const char *who, const char *name,
                   const char *const *names, int fallback)
{
    const char *value = options_string(L, index, who, name, NULL);

    if (!value && fallback < 0)
        luaL_error(L, "%s: option '%s' is missing", who, name);
    if (!value)
        return fallback;
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], value) == 0)
            return i;
    return options_unknown(L, who, name, value, names);
}

static bool get_typed(lua_State *L, int index, const char *who,
                      const char *name, int wanted, const char *problem)
{
    int type = options_get(L, index, name);

    if (type == wanted)
        return true;
    if (type != LUA_TNIL)
        options_error(L, who, name, problem, -1);
    lua_pop(L, 1);
    return false;
}

bool options_table(lua_State *L, int index, const char *who, const char *name)
{
    return get_typed(L, index, who, name, LUA_TTABLE, "must be a table");
}

bool options_function(lua_State *L, int index, const char *who,
                      const char *name)
{
    return get_typed(L, index, who, name, LUA_TFUNCTION, "must be a function");
}

/* ---- Time ---- */

bool options_to_us(double seconds, uint64_t *us)
{
    if (!(seconds >= 0 && seconds <= 1e12))
        return false;
    *us = (uint64_t)(seconds * 1e6 + 0.5);
    return true;
}

uint64_t options_check_time(lua_State *L, int arg, const char *name)
{
    uint64_t us = 0;

    if (lua_type(L, arg) != LUA_TNUMBER ||
        !options_to_us(lua_tonumber(L, arg), &us))
        luaL_error(L, "%s must be a number of seconds, 0 or more, got %s", name,
                   options_describe(L, arg));
    return us;
}

void options_register(lua_State *L)
{
    lua_pushcfunction(L, nearest);
    lua_setfield(L, -2, "nearest");
}
