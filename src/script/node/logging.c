/* SPDX-License-Identifier: MIT */
#include "logging.h"

#include "../../lua/arguments.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 32 };

/* ---- The option ---- */

static void set_levels(lua_State *L, const char *who, const char *what,
                       const char *levels, struct log *log)
{
    struct error error;
    if (log_set_levels(log, levels, &error) != 0)
        luaL_error(L, "%s: %s: %s", who, what, error.text);
}

static void set_format(lua_State *L, int index, const char *who,
                       struct log *log)
{
    const char *format = options_string(L, index, who, "format", "text");
    if (strcmp(format, "json") == 0)
        log->format = LOG_JSON;
    else if (strcmp(format, "text") == 0)
        log->format = LOG_TEXT;
    else
        luaL_error(L, "%s: option 'format' must be 'text' or 'json', got '%s'",
                   who, format);
}

static void use_defaults(lua_State *L, const char *who, struct log *log)
{
    const char *levels = getenv("SHOAL_LOG");
    set_levels(L, who, "SHOAL_LOG", levels && *levels ? levels : "warn", log);
}

/* STACK: table -> table, or -> table function; as logging_read(). */
static bool read_table(lua_State *L, int index, struct log *log)
{
    static const char *const names[] = {"levels", "format", "write", NULL};
    const char *who = "shoal.start: log";
    options_check(L, index, who, names, false);
    const char *levels = options_string(L, index, who, "levels", NULL);
    if (levels)
        set_levels(L, who, "option 'levels'", levels, log);
    else
        use_defaults(L, who, log);
    set_format(L, index, who, log);
    return options_function(L, index, who, "write");
}

bool logging_read(lua_State *L, int index, const char *who, struct log *log)
{
    int type = options_get(L, index, "log");
    bool has_function = type == LUA_TFUNCTION;
    log_init(log);
    if (type == LUA_TNIL || has_function)
        use_defaults(L, who, log);
    else if (type == LUA_TSTRING)
        set_levels(L, who, "option 'log'", lua_tostring(L, -1), log);
    else if (type == LUA_TTABLE)
        has_function = read_table(L, lua_gettop(L), log);
    else if (type == LUA_TBOOLEAN && !lua_toboolean(L, -1))
        set_levels(L, who, "option 'log'", "off", log);
    else
        options_error(L, who, "log",
                      "must be levels, a table, a function or false", -1);
    if (type == LUA_TTABLE && has_function)
        lua_remove(L, -2);
    else if (!has_function)
        lua_pop(L, 1);
    return has_function;
}

/* ---- node:log() ---- */

static log_level check_level(lua_State *L)
{
    static const char *const names[] = {"error", "warn",  "info",
                                        "debug", "trace", NULL};
    const char *name = arguments_string(L, 2, "node:log", NULL);
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0)
            return LOG_ERROR + i;
    }
    options_unknown(L, "node:log", "level", name, names);
    return LOG_OFF;
}

static log_field to_field(lua_State *L, const char *name, int value)
{
    size_t size;
    switch (lua_type(L, value)) {
    case LUA_TNUMBER:
        return log_num(name, lua_tonumber(L, value));
    case LUA_TBOOLEAN:
        return log_str(name, lua_toboolean(L, value) ? "true" : "false");
    case LUA_TSTRING: {
        const char *string = lua_tolstring(L, value, &size);
        return log_bytes(name, (shoal_bytes){(const uint8_t *)string, size});
    }
    default:
        luaL_error(
            L,
            "node:log: field '%s' must be text, a number or a boolean, got %s",
            name, options_describe(L, value));
        return log_num(name, 0);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const log_field *)a)->name, ((const log_field *)b)->name);
}

/* Sorted by name: a table has no order of its own. */
static size_t read_fields(lua_State *L, int index, log_field *fields)
{
    size_t count = 0;
    if (lua_isnoneornil(L, index))
        return 0;
    arguments_table(L, index, "node:log");
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "node:log: fields must have names, got the key %s",
                       options_describe(L, -2));
        if (count == MAX_FIELDS)
            luaL_error(L, "node:log: at most %d fields", MAX_FIELDS);
        fields[count++] = to_field(L, lua_tostring(L, -2), lua_gettop(L));
    }
    qsort(fields, count, sizeof *fields, by_name);
    return count;
}

int logging_write(lua_State *L, struct node *node)
{
    log_field fields[MAX_FIELDS];
    log_level level = check_level(L);
    const char *text = arguments_string(L, 3, "node:log", NULL);
    if (!log_wants(&node->log, level, LOG_SCRIPT))
        return 0;
    size_t count = read_fields(L, 4, fields);
    log_write(&node->log, level, LOG_SCRIPT, text, fields, count);
    return 0;
}

int logging_levels(lua_State *L, struct node *node)
{
    static const char method[] = "node:log_levels";
    char text[LOG_LEVELS_TEXT];
    if (!lua_isnoneornil(L, 2)) {
        const char *levels = arguments_string(L, 2, method, NULL);
        struct error error;
        if (log_set_levels(&node->log, levels, &error) != 0)
            return luaL_error(L, "%s: %s", method, error.text);
        node_update_diagnostics(node);
    }
    log_format_levels(&node->log, text);
    lua_pushstring(L, text);
    return 1;
}
