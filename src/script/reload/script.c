/* SPDX-License-Identifier: MIT */
#include "script.h"

#include "../../base/clock.h"
#include "../../base/error.h"
#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "../engine/handler_table.h"
#include "load_limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Keeps what a failing call said, for whoever asked for the load. */
static void keep_trouble(void *context, const protected_report *report)
{
    struct script *script = context;
    if (report->text)
        snprintf(script->trouble, sizeof script->trouble, "%s", report->text);
}

/* ---- The state ---- */

struct preparation {
    struct script *script;
    const struct script_source *source;
};

/* For the one call of prepare(): a light userdata cannot carry every address
 * in every LuaJIT. */
static _Thread_local const struct preparation *preparing;

static int prepare(lua_State *L)
{
    const struct script_source *source = preparing->source;
    struct script *script = preparing->script;
    const char *path = script->path;
    size_t length = (size_t)(script->name - path);
    lua_pushlstring(L, path, length > 1 ? length - 1 : length);
    modules_install(L, source->paths, lua_tostring(L, -1), &script->files);
    protected_init(&script->caller, L, &script->counts);
    protected_set_watch(L, source->watch);
    if (source->set_globals)
        source->set_globals(source->context, L);
    return 0;
}

static int prepare_protected(struct script *script,
                             const struct script_source *source)
{
    struct preparation preparation = {.script = script, .source = source};
    preparing = &preparation;
#if LUA_VERSION_NUM == 501
    int status = lua_cpcall(script->L, prepare, NULL);
#else
    lua_pushcfunction(script->L, prepare);
    int status = lua_pcall(script->L, 0, 0, 0);
#endif
    preparing = NULL;
    return status;
}

static int open_state(struct script *script, const struct script_source *source,
                      struct error *error)
{
    script->L = luaL_newstate();
    if (!script->L) {
        error_fail(error, "%s: no memory for its Lua state", script->name);
        return -1;
    }
    if (prepare_protected(script, source) != LUA_OK) {
        error_fail(error, "%s: cannot set up its Lua state: %s", script->name,
                   lua_tostring(script->L, -1));
        return -1;
    }
    script->caller.slow_us = 0; /* the load is timed as a whole */
    script->caller.context = script;
    script->caller.report = keep_trouble;
    return 0;
}

/* ---- Running the file ---- */

static void run_file(lua_State *L, void *context)
{
    struct script *script = context;
    modules_compile(L, &script->files, script->path);
    lua_pushstring(L, script->path);
    protected_invoke(&script->caller, L, 1, 1);
    handler_table_check(L, -1, script->name);
    script->handlers = refs_new(L);
}

/* As protected_run() answers. */
static int run_timed(struct script *script, uint64_t limit_us)
{
    uint64_t started_us = clock_monotonic_us();
    uint64_t before = load_limit_begin(script->L, limit_us);
    int failure =
        protected_run(&script->caller, script->L, run_file, script, "load");
    load_limit_end(script->L, before);
    script->load_us = clock_monotonic_us() - started_us;
    return failure;
}

int script_load(const struct script_source *source, struct script **out,
                struct error *error)
{
    struct script *script = calloc(1, sizeof *script);
    *out = script;
    if (!script) {
        error_fail(error, "out of memory");
        return SHOAL_ERR_NOMEM;
    }
    script->path = source->path;
    script->name = last_part(source->path);
    if (open_state(script, source, error) != 0)
        return SHOAL_ERR_NOMEM;
    int failure = run_timed(script, source->limit_us);
    if (failure != 0)
        error_fail(error, "%s", protected_last_message(&script->caller));
    return failure;
}

void script_free(struct script *script)
{
    if (!script)
        return;
    if (script->L)
        lua_close(script->L);
    files_clear(&script->files);
    free(script);
}
