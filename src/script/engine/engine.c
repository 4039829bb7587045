/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include "../../base/clock.h"
#include "../../lua/active_methods.h"
#include "../../lua/class.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/result.h"
#include "../../lua/value.h"
#include "config.h"
#include "diagnostics.h"
#include "object.h"
#include "view.h"

#include <stdio.h>
#include <string.h>

static int refuse_inside(lua_State *L)
{
    return result_error(L, SHOAL_ERR_REENTRANT, NULL);
}

/* ---- Handlers and diagnostics ---- */

/* Makes the questions of the handlers table at `index`, which has nothing but
 * handlers in it, and pushes them. The object is at `self`. */
static questions *push_questions(lua_State *L, int index, int self,
                                 struct engine_object *object, const char *who)
{
    static const char *const names[] = {"identity", "broadcast", "check_tags",
                                        "admit",    "codec",     NULL};

    options_check(L, index, who, names, true);
    return questions_new(L, index, self, &object->caller, who);
}

/* set_handlers(handlers): all of them, at once */
static int set_handlers(lua_State *L)
{
    struct engine_object *object = object_check_open(L);
    shoal_handlers handlers;
    questions *fresh;
    int error;

    if (object->busy)
        return refuse_inside(L);
    lua_settop(L, 2);
    lua_getuservalue(L, 1);
    fresh = push_questions(L, 2, 1, object, "set_handlers");
    handlers = questions_handlers(fresh);
    error = shoal_set_handlers(object->core, &handlers);
    if (!error) {
        fresh->L = object->questions->L;
        object->questions = fresh;
        lua_rawseti(L, 3, OBJECT_QUESTIONS);
    }
    return view_push_result(L, error, object->core, NULL);
}

/* set_diagnostics(true | false | names) */
static int set_diagnostics(lua_State *L)
{
    struct engine_object *object = object_check_open(L);

    luaL_checkany(L, 2);
    shoal_set_diagnostics(object->core,
                          diagnostics_check(L, 2, "set_diagnostics"));
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- Life ---- */

static void free_core(struct engine_object *object)
{
    shoal *core = object->core;

    object->core = NULL;
    object->has_effect = false;
    shoal_free(core);
}

/* A finalizer may run wherever a method of this engine allocates. */
static bool is_in_use(lua_State *L, const struct engine_object *object)
{
    static const luaL_Reg *const lists[] = {common_methods, entries_methods,
                                            queries_methods, NULL};

    return object->busy || object->taking ||
           active_methods_any(L, object, lists);
}

static int close_engine(lua_State *L)
{
    struct engine_object *object = object_check(L);

    if (is_in_use(L, object))
        return refuse_inside(L);
    free_core(object);
    lua_newtable(L); /* lets go of the handlers and of what was held */
    lua_setuservalue(L, 1);
    lua_pushboolean(L, 1);
    return 1;
}

static int collect(lua_State *L)
{
    free_core(object_check(L));
    return 0;
}

static void note_failure(void *context, const protected_report *report)
{
    struct engine_object *object = context;

    if (report->text)
        snprintf(object->last_error, sizeof object->last_error, "%s: %.*s",
                 report->what, (int)report->message_size, report->text);
}

/* Pushes a new object, closed as yet, with its uservalue on top of it. */
static struct engine_object *push_object(lua_State *L)
{
    struct engine_object *object = lua_newuserdata(L, sizeof *object);

    memset(object, 0, sizeof *object);
    protected_init(&object->caller, L, &object->counts);
    object->caller.context = object;
    object->caller.report = note_failure;
    lua_newtable(L);
    effects_init(L, object);
    lua_pushvalue(L, -1);
    lua_setuservalue(L, -3);
    luaL_getmetatable(L, OBJECT_NAME);
    lua_setmetatable(L, -3);
    return object;
}

/* Without a seed every engine makes choices of its own. */
static uint64_t random_seed(const void *address)
{
    FILE *source = fopen("/dev/urandom", "rb");
    uint64_t seed = 0;

    if (source) {
        size_t got = fread(&seed, sizeof seed, 1, source);

        fclose(source);
        if (got == 1)
            return seed;
    }
    return clock_wall_us() + (uint64_t)(uintptr_t)address;
}

static uint64_t read_seed(lua_State *L)
{
    const double most = 9007199254740992.0; /* 2^53: exact in every Lua */
    double seed = options_integer(L, 1, "core.new", "seed", 0, most, -1);

    return seed < 0 ? random_seed(L) : (uint64_t)seed;
}

/* Reads config and cluster_size. As config_read(). */
static int read_config(lua_State *L, shoal_config *config)
{
    double size = options_integer(L, 1, "core.new", "cluster_size", 1,
                                  UINT32_MAX, CONFIG_DEFAULT_CLUSTER_SIZE);

    *config = shoal_config_lan((uint32_t)size);
    options_get(L, 1, "config");
    return config_read(L, -1, "core.new", (uint32_t)size, config);
}

/* The engine itself. `object` is at `index`; its uservalue is on top. */
static int make_core(lua_State *L, struct engine_object *object, int index,
                     const value_identity *id, const shoal_config *config,
                     const char **detail)
{
    shoal_options options = {
        .identity = value_identity_bytes(id),
        .seed = read_seed(L),
        .config = *config,
        .allocator = memory_allocator(&object->memory),
    };
    uint32_t diagnostics;
    int error, uservalue = lua_gettop(L);

    options_get(L, 1, "diagnostics");
    diagnostics = diagnostics_check(L, -1, "core.new");
    options_get(L, 1, "handlers");
    object->questions =
        push_questions(L, uservalue + 2, index, object, "core.new: handlers");
    lua_rawseti(L, uservalue, OBJECT_QUESTIONS);
    options.handlers = questions_handlers(object->questions);
    object->busy++;
    error = shoal_new(&options, &object->core, detail);
    object->busy--;
    object->questions->L = NULL;
    if (error)
        return error;
    shoal_set_diagnostics(object->core, diagnostics);
    return 0;
}

/* new{ identity=, config=, cluster_size=, seed=, handlers=, diagnostics= } */
static int new_engine(lua_State *L)
{
    static const char *const names[] = {"identity", "config",   "cluster_size",
                                        "seed",     "handlers", "diagnostics",
                                        NULL};
    struct engine_object *object;
    const char *detail = NULL;
    shoal_config config;
    value_identity id;
    int error;

    options_check(L, 1, "core.new", names, false);
    lua_settop(L, 1);
    if (options_get(L, 1, "identity") == LUA_TNIL)
        return luaL_error(L, "core.new: option 'identity' is missing");
    if (value_to_identity(L, 2, "identity", &id))
        return result_error(L, SHOAL_ERR_IDENTITY, lua_tostring(L, -1));
    if (read_config(L, &config))
        return result_error(L, SHOAL_ERR_INVALID_CONFIG, lua_tostring(L, -1));
    lua_settop(L, 1);
    object = push_object(L);
    error = make_core(L, object, 2, &id, &config, &detail);
    if (error && object->questions->error.text[0] != '\0')
        detail = object->questions->error.text;
    if (error)
        return result_error(L, error, detail);
    lua_settop(L, 2);
    return 1;
}

/* stock_identity(addr, bump[, extra]) -> { addr=, bump=, ... } */
static int stock_identity(lua_State *L)
{
    double bump = luaL_checknumber(L, 2);

    luaL_checktype(L, 1, LUA_TSTRING);
    lua_settop(L, 3);
    if (value_to_addr(L, 1, "addr") != 0)
        return luaL_error(L, "%s", lua_tostring(L, -1));
    luaL_argcheck(L,
                  bump >= 0 && bump <= (double)SHOAL_MAX_BUMP &&
                      (double)(uint64_t)bump == bump,
                  2, "must be a whole number from 0 to 2^53 - 1");
    lua_settop(L, 3);
    lua_newtable(L);
    if (!lua_isnil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        lua_pushnil(L);
        while (lua_next(L, 3)) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, 4);
        }
    }
    lua_pushvalue(L, 1);
    lua_setfield(L, 4, "addr");
    lua_pushvalue(L, 2);
    lua_setfield(L, 4, "bump");
    return 1;
}

/* ---- The class ---- */

static void make_class(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"set_handlers", set_handlers},
        {"set_diagnostics", set_diagnostics},
        {"fail_allocation", memory_fail},
        {"close", close_engine},
        {"__gc", collect},
        {NULL, NULL},
    };

    if (class_begin(L, OBJECT_NAME)) {
        luaL_setfuncs(L, methods, 0);
        common_register(L, &object_kind);
        luaL_setfuncs(L, entries_methods, 0);
        luaL_setfuncs(L, queries_methods, 0);
        effects_register(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, -2, "__index");
        class_end(L, OBJECT_NAME);
    }
    lua_pop(L, 1);
}

void engine_register(lua_State *L)
{
    make_class(L);
    lua_pushcfunction(L, new_engine);
    lua_setfield(L, -2, "new");
    lua_pushcfunction(L, stock_identity);
    lua_setfield(L, -2, "stock_identity");
}
