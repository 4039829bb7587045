/* SPDX-License-Identifier: MIT */
#include "dns_lua.h"

#include "../lua/class.h"
#include "../lua/options.h"
#include "../lua/program.h"
#include "../lua/refs.h"
#include "../lua/result.h"
#include "../lua/value.h"
#include "dns.h"

#include <string.h>

static const char server_type[] = "shoal.dns.server";
static const char who[] = "core.dns_listen";

static const uint64_t TURN_US = 20u * 1000;

struct dns_object {
    dns_server *listener; /* NULL once it is closed */
    struct program *program;
    int self; /* reference, while it listens */
    bool has_turn;
    uint64_t turn_us; /* of the last on_turn() */
    char place[ADDRESS_MAX_ENDPOINT];
    dns_stats stats; /* at the end */
};

/* ---- From the server ---- */

static void call_turn(lua_State *L, void *context)
{
    const struct dns_object *object = context;
    refs_push(L, object->self);
    lua_getuservalue(L, -1);
    lua_getfield(L, -1, "on_turn");
    protected_invoke(&object->program->caller, L, 0, 0);
}

/* What goes wrong is logged. */
static void on_turn(void *context)
{
    struct dns_object *object = context;
    uint64_t now_us = program_now_us();
    if (!object->has_turn || now_us - object->turn_us < TURN_US)
        return;
    object->turn_us = now_us;
    (void)protected_run(&object->program->caller, object->program->L, call_turn,
                        object, "dns");
}

/* ---- In Lua ---- */

static struct dns_object *check_object(lua_State *L)
{
    return luaL_checkudata(L, 1, server_type);
}

static void stop(struct dns_object *object)
{
    if (!object->listener)
        return;
    object->stats = dns_get_stats(object->listener);
    object->stats.connections = 0;
    dns_close(object->listener);
    object->listener = NULL;
}

static int close_server(lua_State *L)
{
    struct dns_object *object = check_object(L);
    stop(object);
    refs_free(L, &object->self);
    return 0;
}

/* Its state may be closing: then there is nothing to give back. */
static int collect_server(lua_State *L)
{
    stop(lua_touserdata(L, 1));
    return 0;
}

static int place(lua_State *L)
{
    lua_pushstring(L, check_object(L)->place);
    return 1;
}

static int stats(lua_State *L)
{
    const struct dns_object *object = check_object(L);
    dns_stats numbers =
        object->listener ? dns_get_stats(object->listener) : object->stats;
    lua_createtable(L, 0, 8);
    value_set_count(L, "queries", numbers.queries);
    value_set_count(L, "answers", numbers.answers);
    value_set_count(L, "truncated", numbers.truncated);
    value_set_count(L, "failed", numbers.failed);
    value_set_count(L, "accepted", numbers.accepted);
    value_set_count(L, "refused", numbers.refused);
    value_set_count(L, "cut_off", numbers.cut_off);
    value_set_count(L, "connections", numbers.connections);
    return 1;
}

/* ---- Members ---- */

/* The string at `index`, borrowed while its table has it; anything else is
 * empty. */
static shoal_bytes string_at(lua_State *L, int index)
{
    shoal_bytes bytes = {NULL, 0};
    if (lua_type(L, index) == LUA_TSTRING)
        bytes.data = (const uint8_t *)lua_tolstring(L, index, &bytes.size);
    return bytes;
}

static shoal_bytes string_field(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    shoal_bytes bytes = string_at(L, -1);
    lua_pop(L, 1);
    return bytes;
}

static uint16_t number_field(lua_State *L, int index, const char *name,
                             uint16_t usual)
{
    lua_getfield(L, index, name);
    lua_Number value =
        lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : usual;
    lua_pop(L, 1);
    return value >= 0 && value <= UINT16_MAX ? (uint16_t)value : usual;
}

/* A list of strings. Pushes the memory that it is in; `index` is absolute. */
static const shoal_bytes *push_strings(lua_State *L, int index, size_t *count)
{
    size_t i;
    *count = lua_istable(L, index) ? lua_rawlen(L, index) : 0;
    shoal_bytes *list = lua_newuserdata(L, (*count + 1) * sizeof *list);
    for (i = 0; i < *count; i++) {
        lua_rawgeti(L, index, (int)i + 1);
        list[i] = string_at(L, -1);
        lua_pop(L, 1);
    }
    return list;
}

/* Pushes what the service borrows. */
static void push_service(lua_State *L, int index, struct table_service *out)
{
    out->name = string_field(L, index, "name");
    out->host = string_field(L, index, "host");
    out->port = number_field(L, index, "port", 0);
    out->weight = number_field(L, index, "weight", 1);
    lua_getfield(L, index, "passing");
    out->is_passing = lua_toboolean(L, -1);
    lua_pop(L, 1);
    lua_getfield(L, index, "tags");
    out->tags = push_strings(L, lua_gettop(L), &out->num_tags);
    lua_remove(L, -2); /* the service has it */
}

/* Pushes what they borrow: the list, and the tags of each. */
static void push_services(lua_State *L, int index,
                          struct table_description *out)
{
    size_t i, count = lua_istable(L, index) ? lua_rawlen(L, index) : 0;
    struct table_service *list = lua_newuserdata(L, (count + 1) * sizeof *list);
    lua_createtable(L, (int)count, 0);
    int memory = lua_gettop(L);
    for (i = 0; i < count; i++) {
        lua_rawgeti(L, index, (int)i + 1);
        luaL_checktype(L, -1, LUA_TTABLE);
        push_service(L, memory + 1, &list[i]);
        lua_rawseti(L, memory, (int)i + 1);
        lua_pop(L, 1);
    }
    out->services = list;
    out->num_services = count;
}

/* put(key, name, host, texts, services) */
static int put(lua_State *L)
{
    struct dns_object *object = check_object(L);
    struct table_description description = {0};
    size_t size;
    const char *key = luaL_checklstring(L, 2, &size);
    lua_settop(L, 6);
    if (!object->listener)
        return 0;
    description.name = string_at(L, 3);
    description.host = string_at(L, 4);
    description.texts = push_strings(L, 5, &description.num_texts);
    push_services(L, 6, &description);
    if (table_put(dns_table(object->listener),
                  (shoal_bytes){(const uint8_t *)key, size}, &description) != 0)
        return luaL_error(L, "not enough memory");
    return 0;
}

static int drop(lua_State *L)
{
    struct dns_object *object = check_object(L);
    size_t size;
    const char *key = luaL_checklstring(L, 2, &size);
    if (object->listener)
        table_drop(dns_table(object->listener),
                   (shoal_bytes){(const uint8_t *)key, size});
    return 0;
}

/* ---- Listening ---- */

static void read_options(lua_State *L, dns_options *options)
{
    static const char *const names[] = {"public", "domain", "ttl", "idle",
                                        "arrive", "write",  NULL};
    options_check(L, 3, who, names, true);
    options->is_public = options_boolean(L, 3, who, "public", false);
    const char *domain = options_string(L, 3, who, "domain", "shoal");
    options->domain = (shoal_bytes){(const uint8_t *)domain, strlen(domain)};
    options->ttl = (uint32_t)options_integer(L, 3, who, "ttl", 0, 3600, 0);
    options->idle_s = options_number(L, 3, who, "idle", 0);
    options->arrive_s = options_number(L, 3, who, "arrive", 0);
    options->write_s = options_number(L, 3, who, "write", 0);
}

static struct dns_object *push_object(lua_State *L)
{
    struct dns_object *object = lua_newuserdata(L, sizeof *object);
    memset(object, 0, sizeof *object);
    luaL_getmetatable(L, server_type);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, 2);
    lua_setuservalue(L, -2);
    object->program = program_of(L);
    return object;
}

/* dns_listen(where, handlers[, options]). Upvalue: a control_loop_fn. */
static int listen_at(lua_State *L)
{
    static const char *const names[] = {"on_turn", NULL};
    struct error error = {""};
    dns_options options = {0};
    const char *where = luaL_checkstring(L, 1);
    options_check(L, 2, who, names, false);
    bool has_turn = options_function(L, 2, who, "on_turn");
    lua_settop(L, 3);
    read_options(L, &options);
    struct dns_object *object = push_object(L);
    object->has_turn = has_turn;
    options.refresh = on_turn;
    options.context = object;
    lua_pushvalue(L, -1);
    object->self = refs_new(L);
    control_loop_fn *const *loop_for = lua_touserdata(L, lua_upvalueindex(1));
    struct ev_loop *loop = (*loop_for)(L, &error);
    if (loop)
        object->listener = dns_listen(loop, where, &options, &error);
    if (!object->listener) {
        refs_free(L, &object->self);
        return result_fail(L, error.text, CODE_LISTEN);
    }
    strncpy(object->place, dns_place(object->listener),
            sizeof object->place - 1);
    return 1;
}

void dns_register(lua_State *L, control_loop_fn *loop)
{
    static const luaL_Reg methods[] = {
        {"put", put},     {"drop", drop},          {"place", place},
        {"stats", stats}, {"close", close_server}, {NULL, NULL},
    };
    class_push(L, server_type, methods, collect_server);
    lua_pop(L, 1);
    *(control_loop_fn **)compat_newblock(L, sizeof loop) = loop;
    lua_pushcclosure(L, listen_at, 1);
    lua_setfield(L, -2, "dns_listen");
}
