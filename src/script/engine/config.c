/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"

#include <stddef.h>
#include <string.h>

/* ---- The fields ---- */

enum config_kind { SECONDS, COUNT, BYTES, FLAG, PERIODIC };

struct field {
    const char *name; /* without _us */
    enum config_kind kind;
    size_t offset;
};

static const struct field fields[] = {
#define FIELD(member, name, KIND, ...)                                         \
    {name, KIND, offsetof(shoal_config, member)},
    SHOAL_CONFIG_FIELDS(FIELD)
#undef FIELD
};

enum { NUM_FIELDS = sizeof fields / sizeof *fields };

/* What a config table may have. */
static const char *const keys[] = {
    "preset",
#define KEY(member, name, ...) name,
    SHOAL_CONFIG_FIELDS(KEY)
#undef KEY
        NULL,
};

static const char *const periodic_keys[] = {"every", "members", NULL};

/* ---- Presets ---- */

static const char *const presets[] = {"simple", "lan", "wan", "loopback", NULL};

static bool config_preset(const char *name, uint32_t cluster_size,
                          shoal_config *out)
{
    if (strcmp(name, "simple") == 0)
        *out = shoal_config_simple();
    else if (strcmp(name, "lan") == 0)
        *out = shoal_config_lan(cluster_size);
    else if (strcmp(name, "wan") == 0)
        *out = shoal_config_wan(cluster_size);
    else if (strcmp(name, "loopback") == 0)
        *out = shoal_config_loopback(cluster_size);
    else
        return false;
    return true;
}

static void read_preset(lua_State *L, const char *who, const char *name,
                        uint32_t cluster_size, shoal_config *config)
{
    if (!config_preset(name, cluster_size, config))
        options_unknown(L, who, "preset", name, presets);
}

/* ---- Reading ---- */

/* Reading a table: what is wrong in range is noted, not raised. */
struct reading {
    lua_State *L;
    const char *who;
    const char *field;  /* the first one out of range, or NULL */
    const char *within; /* the periodic task it is in, or NULL */
    const char *problem;
    char got[32];
};

static void out_of_range(struct reading *r, const char *name,
                         const char *problem, double value)
{
    if (r->field)
        return;
    r->field = name;
    r->problem = problem;
    lua_pushnumber(r->L, (lua_Number)value);
    strncpy(r->got, lua_tostring(r->L, -1), sizeof r->got - 1);
    lua_pop(r->L, 1);
}

static void read_seconds(struct reading *r, int index, const char *name,
                         uint64_t *us)
{
    double seconds = options_number(r->L, index, r->who, name, -1);

    if (options_get(r->L, index, name) != LUA_TNIL &&
        !options_to_us(seconds, us))
        out_of_range(r, name, "must be a number of seconds, 0 or more",
                     seconds);
    lua_pop(r->L, 1);
}

static void read_count(struct reading *r, int index, const char *name,
                       uint32_t *count)
{
    double number = options_number(r->L, index, r->who, name, *count);

    if (number >= 0 && number <= UINT32_MAX &&
        (double)(uint32_t)number == number)
        *count = (uint32_t)number;
    else
        out_of_range(r, name, "must be a whole number, 0 or more", number);
}

/* false switches the task off; a table sets what it names. */
static void read_periodic(struct reading *r, int index, const char *name,
                          shoal_periodic *task)
{
    int type = options_get(r->L, index, name);

    if (type == LUA_TTABLE) {
        const char *field = r->field, *who = r->who;

        r->who = lua_pushfstring(r->L, "%s: option '%s'", who, name);
        options_check(r->L, -2, r->who, periodic_keys, false);
        read_seconds(r, -2, "every", &task->every_us);
        read_count(r, -2, "members", &task->members);
        r->who = who;
        if (r->field != field)
            r->within = name;
        lua_pop(r->L, 1);
    } else if (type == LUA_TBOOLEAN && !lua_toboolean(r->L, -1)) {
        task->every_us = 0;
    } else if (type != LUA_TNIL) {
        options_error(r->L, r->who, name, "must be a table or false", -1);
    }
    lua_pop(r->L, 1);
}

static void read_field(struct reading *r, int index, const struct field *field,
                       shoal_config *config)
{
    void *at = (char *)config + field->offset;

    switch (field->kind) {
    case SECONDS:
        read_seconds(r, index, field->name, at);
        break;
    case COUNT:
    case BYTES:
        read_count(r, index, field->name, at);
        break;
    case FLAG:
        *(bool *)at =
            options_boolean(r->L, index, r->who, field->name, *(bool *)at);
        break;
    case PERIODIC:
        read_periodic(r, index, field->name, at);
        break;
    }
}

/* The preset, and cluster_size, which is the preset's when there is one. */
static void read_base(lua_State *L, int index, const char *who,
                      uint32_t cluster_size, shoal_config *config)
{
    const char *preset = options_string(L, index, who, "preset", NULL);
    double size = options_integer(L, index, who, "cluster_size", preset ? 1 : 0,
                                  UINT32_MAX, cluster_size);

    if (preset)
        read_preset(L, who, preset, (uint32_t)size, config);
    else if (options_get(L, index, "cluster_size") != LUA_TNIL)
        config->cluster_size = (uint32_t)size;
    if (!preset)
        lua_pop(L, 1);
}

static int fail(struct reading *r)
{
    lua_State *L = r->L;

    if (r->within)
        lua_pushfstring(L, "config.%s.%s %s, got %s", r->within, r->field,
                        r->problem, r->got);
    else
        lua_pushfstring(L, "config.%s %s, got %s", r->field, r->problem,
                        r->got);
    return SHOAL_ERR_INVALID_CONFIG;
}

static int read_table(lua_State *L, int index, const char *who,
                      uint32_t cluster_size, shoal_config *config)
{
    struct reading reading = {.L = L, .who = who};

    options_check(L, index, who, keys, false);
    read_base(L, index, who, cluster_size, config);
    for (size_t i = 0; i < NUM_FIELDS; i++)
        if (fields[i].offset != offsetof(shoal_config, cluster_size))
            read_field(&reading, index, &fields[i], config);
    return reading.field ? fail(&reading) : 0;
}

static int check_ranges(lua_State *L, const shoal_config *config)
{
    const char *problem = "is out of range";
    const char *field = shoal_config_check(config, &problem);

    if (!field)
        return 0;
    lua_pushfstring(L, "config.%s %s", field, problem);
    return SHOAL_ERR_INVALID_CONFIG;
}

int config_read(lua_State *L, int index, const char *who, uint32_t cluster_size,
                shoal_config *config)
{
    shoal_config fresh = *config;
    int error = 0;

    if (lua_isnoneornil(L, index))
        return 0;
    index = lua_absindex(L, index);
    if (lua_type(L, index) == LUA_TSTRING)
        read_preset(L, who, lua_tostring(L, index), cluster_size, &fresh);
    else if (lua_istable(L, index))
        error = read_table(L, index, who, cluster_size, &fresh);
    else
        luaL_error(L, "%s: config must be a preset's name or a table, got %s",
                   who, options_describe(L, index));
    if (!error)
        error = check_ranges(L, &fresh);
    if (!error)
        *config = fresh;
    return error;
}

/* ---- Pushing ---- */

static void push_periodic(lua_State *L, const shoal_periodic *task)
{
    if (task->every_us == 0) {
        lua_pushboolean(L, 0);
        return;
    }
    lua_createtable(L, 0, 2);
    lua_pushnumber(L, options_to_seconds(task->every_us));
    lua_setfield(L, -2, "every");
    lua_pushinteger(L, (lua_Integer)task->members);
    lua_setfield(L, -2, "members");
}

static void push_field(lua_State *L, enum config_kind kind, const void *at)
{
    switch (kind) {
    case SECONDS:
        lua_pushnumber(L, options_to_seconds(*(const uint64_t *)at));
        break;
    case COUNT:
    case BYTES:
        lua_pushinteger(L, (lua_Integer) * (const uint32_t *)at);
        break;
    case FLAG:
        lua_pushboolean(L, *(const bool *)at);
        break;
    case PERIODIC:
        push_periodic(L, at);
        break;
    }
}

void config_push(lua_State *L, const shoal_config *config)
{
    lua_createtable(L, 0, NUM_FIELDS);
    for (size_t i = 0; i < NUM_FIELDS; i++) {
        push_field(L, fields[i].kind, (const char *)config + fields[i].offset);
        lua_setfield(L, -2, fields[i].name);
    }
}

/* preset(name, n) -> config table */
static int preset(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    double size = luaL_optnumber(L, 2, CONFIG_DEFAULT_CLUSTER_SIZE);
    shoal_config config;

    if (!(size >= 1 && size <= UINT32_MAX && (double)(uint32_t)size == size))
        return luaL_error(L,
                          "core.preset: the number of members must be a "
                          "whole number, 1 or more, got %s",
                          options_describe(L, 2));
    read_preset(L, "core.preset", name, (uint32_t)size, &config);
    config_push(L, &config);
    return 1;
}

void config_register(lua_State *L)
{
    lua_pushcfunction(L, preset);
    lua_setfield(L, -2, "preset");
    lua_newtable(L);
    for (int i = 0; presets[i]; i++) {
        lua_pushstring(L, presets[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "presets");
}
