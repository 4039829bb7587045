/* SPDX-License-Identifier: MIT */
#include "../../../lua/compat.h"
#include "../../../lua/options.h"
#include "../../../lua/result.h"
#include "../../../lua/traceback.h"
#include "../../../lua/value.h"
#include "../../engine/config.h"
#include "../../engine/handler_table.h"
#include "../../engine/tagging.h"
#include "../act/children.h"
#include "../admission.h"
#include "../logging.h"
#include "start.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_NAME = 64 }; /* bytes */

static const char who[] = "shoal.start";

static char *copy(lua_State *L, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        luaL_error(L, "not enough memory");
    return copy;
}

static bool is_path(const char *handlers)
{
    size_t length = strlen(handlers);
    return strchr(handlers, '/') ||
           (length > 4 && strcmp(handlers + length - 4, ".lua") == 0);
}

/* Absolute, since the program may change its folder before a reload. */
static char *absolute(lua_State *L, const char *path)
{
    char folder[PATH_MAX];
    if (*path == '/')
        return copy(L, path);
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    if (!getcwd(folder, sizeof folder))
        luaL_error(L, "%s: option 'handlers': the current folder is unknown",
                   who);
    const char *joined = lua_pushfstring(L, "%s/%s", folder, path);
    char *result = copy(L, joined);
    lua_pop(L, 1);
    return result;
}

/* require(name), checked as a script's table is. */
static int load_module(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushvalue(L, 1);
    protected_plain(L, 1, 1);
    handler_table_check(L, -1, lua_tostring(L, 1));
    return 1;
}

/* What is wrong with a file of handlers is answered, whatever names it: 0 and
 * pushes the table, or -1 with `error`. */
static int push_module(lua_State *L, const char *name, struct start *start)
{
    lua_pushcfunction(L, traceback_add);
    int handler = lua_gettop(L);
    lua_pushcfunction(L, load_module);
    lua_pushstring(L, name);
    int status = lua_pcall(L, 1, 1, handler);
    lua_remove(L, handler);
    start->from_module = true;
    if (status == LUA_OK)
        return 0;
    size_t size = 0;
    const char *text = lua_tolstring(L, -1, &size);
    error_fail(&start->error, "%.*s",
               text ? (int)traceback_start(text, size) : 0, text ? text : "");
    start->code = CODE_SCRIPT;
    return -1;
}

/* A text option whose bytes go where no zero may be among them; copied, or
 * NULL. */
static char *read_label(lua_State *L, const char *name,
                        bool (*fits)(const char *), const char *problem)
{
    const char *label = options_string(L, 1, who, name, NULL);
    if (!label)
        return NULL;
    options_get(L, 1, name);
    if (strlen(label) != lua_rawlen(L, -1) || !fits(label))
        options_error(L, who, name, problem, -1);
    lua_pop(L, 1);
    return copy(L, label);
}

static bool is_cluster_label(const char *label)
{
    size_t length = strlen(label);
    return length >= 1 && length <= HOST_MAX_LABEL;
}

/* What `shoal run` takes: there it is the name of a file, too. */
static bool is_node_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t length = strlen(name);
    return length >= 1 && length <= MAX_NAME && *name != '.' &&
           strspn(name, letters) == length;
}

static void read_labels(lua_State *L, struct node *node)
{
    node->name = read_label(L, "name", is_node_name,
                            "must be 1 to 64 letters, digits, '-', '_' or '.', "
                            "and not begin with a '.'");
    node->cluster = read_label(L, "cluster", is_cluster_label,
                               "must have 1 to 64 bytes, none of them zero");
}

/* Finds out about the script, or pushes a table of handlers (or nil). 0, or -1
 * with `code` and `error`. */
static int read_handlers(lua_State *L, struct start *start)
{
    int type = options_get(L, 1, "handlers");
    if (type == LUA_TSTRING && is_path(lua_tostring(L, -1))) {
        start->node->script = absolute(L, lua_tostring(L, -1));
        modules_read_paths(L, &start->node->paths);
        return 0;
    }
    if (type == LUA_TSTRING && push_module(L, lua_tostring(L, -1), start) != 0)
        return -1;
    if (type == LUA_TTABLE)
        handler_table_check(L, -1, "shoal.start: handlers");
    else if (type != LUA_TSTRING && type != LUA_TNIL)
        options_error(L, who, "handlers",
                      "must be a table, a module's name or a path", -1);
    start->handlers = lua_gettop(L);
    return 0;
}

/* The list itself, or one made of the one endpoint; 0 for none. */
static int read_seeds(lua_State *L)
{
    int type = options_get(L, 1, "join");
    if (type == LUA_TNIL)
        return 0;
    if (type == LUA_TSTRING) {
        lua_createtable(L, 1, 0);
        lua_insert(L, -2);
        lua_rawseti(L, -2, 1);
    } else if (type != LUA_TTABLE) {
        options_error(L, who, "join", "must be endpoints", -1);
    }
    int list = lua_gettop(L);
    for (int i = 1; i <= (int)lua_rawlen(L, list); i++) {
        lua_rawgeti(L, list, i);
        if (lua_type(L, -1) != LUA_TSTRING)
            options_error(L, who, "join", "must hold endpoints", -1);
        lua_pop(L, 1);
    }
    return list;
}

/* Without one every node makes choices of its own. */
static uint64_t random_seed(const void *address)
{
    uint64_t seed = (uint64_t)(uintptr_t)address;
    FILE *source = fopen("/dev/urandom", "rb");
    if (!source)
        return seed ^ (uint64_t)getpid();
    if (fread(&seed, sizeof seed, 1, source) != 1)
        seed ^= (uint64_t)getpid();
    fclose(source);
    return seed;
}

static uint64_t read_seed(lua_State *L, const struct node *node)
{
    double seed = options_integer(L, 1, who, "seed", 0, 9007199254740992.0, -1);
    if (seed >= 0)
        return (uint64_t)seed;
    return node->world->seed ? node->world->seed(node->world)
                             : random_seed(node);
}

/* 0, or -1 with `error`. */
static int read_config(lua_State *L, struct start *start)
{
    double size = options_integer(L, 1, who, "cluster_size", 1, UINT32_MAX,
                                  CONFIG_DEFAULT_CLUSTER_SIZE);
    start->node->cluster_size = (uint32_t)size;
    start->config = shoal_config_lan((uint32_t)size);
    options_get(L, 1, "config");
    if (config_read(L, -1, who, (uint32_t)size, &start->config) == 0) {
        lua_pop(L, 1);
        return 0;
    }
    error_fail(&start->error, "%s", lua_tostring(L, -1));
    start->code = shoal_error_name(SHOAL_ERR_INVALID_CONFIG);
    return -1;
}

/* A copy of the bytes on top of the stack; borrowed from `*memory`. */
static shoal_bytes keep_bytes(lua_State *L, uint8_t **memory)
{
    size_t size;
    const char *packed = lua_tolstring(L, -1, &size);
    *memory = malloc(size);
    if (!*memory)
        luaL_error(L, "not enough memory");
    memcpy(*memory, packed, size);
    return (shoal_bytes){*memory, size};
}

/* A table, as MessagePack, since it may have to enter a script's own state:
 * now, and at each reload. 0, or -1 with `error`. */
static int read_packed(lua_State *L, struct start *start, const char *name,
                       const char *code, uint8_t **memory, shoal_bytes *bytes)
{
    if (!options_table(L, 1, who, name))
        return 0;
    if (value_pack(L, -1, name) == 0) {
        *bytes = keep_bytes(L, memory);
        return 0;
    }
    error_fail(&start->error, "%s", lua_tostring(L, -1));
    start->code = code;
    return -1;
}

static int read_meta(lua_State *L, struct start *start)
{
    struct node *node = start->node;
    return read_packed(L, start, "meta", shoal_error_name(SHOAL_ERR_IDENTITY),
                       &node->meta, &node->birth.meta);
}

static int read_args(lua_State *L, struct start *start)
{
    struct node *node = start->node;
    return read_packed(L, start, "args", CODE_ARGUMENTS, &node->args,
                       &node->birth.args);
}

/* Leaves the bytes on the stack. */
static void read_tags(lua_State *L, struct start *start)
{
    if (!options_table(L, 1, who, "tags"))
        return;
    tagging_push_packed(L, -1, who);
    start->tags.data = (const uint8_t *)lua_tolstring(L, -1, &start->tags.size);
}

static double read_seconds(lua_State *L, const char *name, double fallback)
{
    double seconds = options_number(L, 1, who, name, fallback);
    if (!(seconds >= 0 && seconds <= 1e9)) {
        options_get(L, 1, name);
        options_error(L, who, name, "must be 0 to 1e9 seconds", -1);
    }
    return seconds;
}

/* 0, or -1 with `code` and `error`. */
static int read_account(lua_State *L, struct start *start)
{
    const char *user = options_string(L, 1, who, "user", NULL);
    const char *group = options_string(L, 1, who, "group", NULL);
    start->code = CODE_USER;
    return account_find(user, group, &start->account, &start->error);
}

static void read_memory(lua_State *L, struct start *start)
{
    double every =
        read_seconds(L, "snapshot_every", (double)MEMORY_EVERY_US / 1e6);
    start->snapshot_us = every < 0.01 ? 10000 : (uint64_t)(every * 1e6);
    start->node->rotation.grace_us =
        (uint64_t)(read_seconds(L, "key_grace",
                                (double)ROTATION_GRACE_US / 1e6) *
                   1e6);
    start->data_dir = options_string(L, 1, who, "data_dir", NULL);
    if (start->data_dir && !start->node->world->has_disk)
        luaL_error(L, "%s: option 'data_dir': not in a simulation", who);
}

static void note_unused(lua_State *L, struct start *start)
{
    static const char *const of_keys[] = {"clock_skew", "key_grace"};
    if (start->keys || !lua_istable(L, 1))
        return;
    for (size_t i = 0; i < sizeof of_keys / sizeof *of_keys; i++) {
        lua_getfield(L, 1, of_keys[i]);
        if (!lua_isnil(L, -1))
            start->unused[start->num_unused++] = of_keys[i];
        lua_pop(L, 1);
    }
}

int start_read_options(lua_State *L, struct start *start)
{
    static const char *const names[] = {
        "bind",           "advertise", "join",     "name",         "cluster",
        "handlers",       "watch",     "config",   "cluster_size", "meta",
        "seed",           "log",       "on_error", "busy_limit",   "tags",
        "max_children",   "key",       "key_file", "key_fd",       "clock_skew",
        "args",           "allow",     "user",     "group",        "data_dir",
        "snapshot_every", "key_grace", NULL};
    struct node *node = start->node;
    options_check(L, 1, who, names, true);
    start->bind = options_string(L, 1, who, "bind", node->world->bind);
    start->advertise = options_string(L, 1, who, "advertise", NULL);
    read_labels(L, node);
    node->watches = options_boolean(L, 1, who, "watch", true);
    start->node->load_limit_us = start->busy_limit_us =
        (uint64_t)(read_seconds(L, "busy_limit", HOST_BUSY_LIMIT_US / 1e6) *
                   1e6);
    start->skew_us =
        (uint64_t)(read_seconds(L, "clock_skew", (double)SEAL_SKEW_US / 1e6) *
                   1e6);
    read_memory(L, start);
    if (start_read_keys(L, who, start) != 0)
        return -1;
    note_unused(L, start);
    node->children.max = (unsigned)options_integer(
        L, 1, who, "max_children", 1, CHILDREN_LIMIT, CHILDREN_MAX);
    if (logging_read(L, 1, who, &node->log))
        start->log_function = lua_gettop(L);
    admission_read_allowed(L, 1, who, node);
    if (read_account(L, start) != 0)
        return -1;
    start->seed = read_seed(L, node);
    start->seeds = read_seeds(L);
    read_tags(L, start);
    if (read_config(L, start) != 0 || read_meta(L, start) != 0 ||
        read_args(L, start) != 0 || read_handlers(L, start) != 0)
        return -1;
    if (options_function(L, 1, who, "on_error"))
        start->on_error = lua_gettop(L);
    return 0;
}
