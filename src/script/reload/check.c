/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "../../base/error.h"
#include "../../lua/class.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/program.h"
#include "../../lua/refs.h"
#include "../../lua/result.h"
#include "../engine/handler_table.h"
#include "../engine/questions.h"
#include "../engine/tagging.h"
#include "script.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char type_name[] = "shoal.trial";

/* A load that Lua collects. */
struct trial {
    struct module_paths paths;
    uint64_t limit_us; /* see load_limit.h */
    struct script *script;
    int defined; /* reference in the script's state: a list of names */
    size_t tags; /* bytes of those in the script; 0: none, or a function */
};

static void clear(struct trial *trial)
{
    script_free(trial->script);
    modules_clear_paths(&trial->paths);
    trial->script = NULL;
}

static int collect(lua_State *L)
{
    clear(lua_touserdata(L, 1));
    return 0;
}

static struct trial *push_trial(lua_State *L)
{
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    struct trial *trial = compat_newblock(L, sizeof *trial);
    memset(trial, 0, sizeof *trial);
    class_push(L, type_name, no_methods, collect);
    lua_setmetatable(L, -2);
    return trial;
}

/* STACK: handlers -> handlers */
static void measure_tags(lua_State *L, struct trial *trial)
{
    lua_getfield(L, -1, "tags");
    if (lua_istable(L, -1)) {
        tagging_push_packed(L, -1, trial->script->name);
        trial->tags = lua_rawlen(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    /* of what is tagged later, as services are */
    if (luaL_getmetafield(L, -1, "__tags_size")) {
        trial->tags += (size_t)lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    if (trial->tags > SHOAL_MAX_TAGS)
        luaL_error(L, "%s: tags: %d bytes, more than any max_tags_size (%d)",
                   trial->script->name, (int)trial->tags, SHOAL_MAX_TAGS);
}

/* What handler_table_check() leaves to the questions; then the names. */
static void inspect(lua_State *L, void *context)
{
    struct trial *trial = context;
    struct script *script = trial->script;
    lua_pushboolean(L, 1); /* in place of a node */
    refs_push(L, script->handlers);
    measure_tags(L, trial);
    const char *missing = questions_missing(
        questions_new(L, 2, 1, &script->caller, script->name));
    if (missing)
        luaL_error(L, "%s: %s", script->name, missing);
    handler_table_push_defined(L, 2);
    trial->defined = refs_new(L);
}

static int try_it(lua_State *L, struct trial *trial, const char *path,
                  struct error *error)
{
    struct script_source source = {
        .path = path,
        .paths = &trial->paths,
        .watch = protected_watched_by(&program_of(L)->caller),
        .limit_us = trial->limit_us};
    int failure = script_load(&source, &trial->script, error);
    struct script *script = trial->script;
    if (failure != 0)
        return failure;
    failure =
        protected_run(&script->caller, script->L, inspect, trial, "check");
    if (failure != 0)
        error_fail(error, "%s", protected_last_message(&script->caller));
    return failure;
}

/* From the script's state, where nothing is made meanwhile. */
static void push_defined(lua_State *L, const struct trial *trial)
{
    lua_State *from = trial->script->L;
    lua_newtable(L);
    refs_push(from, trial->defined);
    int count = (int)lua_rawlen(from, -1);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(from, -1, i);
        lua_pushstring(L, lua_tostring(from, -1));
        lua_rawseti(L, -2, i);
        lua_pop(from, 1);
    }
    lua_pop(from, 1);
}

static void push_report(lua_State *L, const struct trial *trial,
                        const char *path)
{
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64,
             files_hash(&trial->script->files));
    lua_createtable(L, 0, 5);
    lua_pushstring(L, path);
    lua_setfield(L, -2, "path");
    lua_pushstring(L, hash);
    lua_setfield(L, -2, "hash");
    files_push(L, &trial->script->files);
    lua_setfield(L, -2, "files");
    lua_pushinteger(L, (lua_Integer)trial->tags);
    lua_setfield(L, -2, "tags_size");
    push_defined(L, trial);
    lua_setfield(L, -2, "handlers");
}

/* check(path, seconds?) -> { path=, hash=, files=, handlers= } */
static int check(lua_State *L)
{
    struct error error;
    const char *path = luaL_checkstring(L, 1);
    uint64_t limit_us =
        lua_isnoneornil(L, 2) ? 0 : options_check_time(L, 2, "check: limit");
    struct trial *trial = push_trial(L);
    trial->limit_us = limit_us;
    modules_read_paths(L, &trial->paths);
    if (try_it(L, trial, path, &error) == 0) {
        push_report(L, trial, path);
        clear(trial);
        return 1;
    }
    clear(trial);
    return result_fail(L, error.text, CODE_SCRIPT);
}

static int check_handlers(lua_State *L)
{
    handler_table_check(L, 1, luaL_optstring(L, 2, "handlers"));
    return 0;
}

void check_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"check", check},
        {"check_handlers", check_handlers},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
