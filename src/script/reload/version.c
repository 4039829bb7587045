/* SPDX-License-Identifier: MIT */
#include "version.h"

#include "../../base/error.h"
#include "../../lua/compat.h"
#include "../../lua/refs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct version *version_of_script(struct scopes *scopes, struct script *script)
{
    struct version *version = calloc(1, sizeof *version);
    if (!version)
        return NULL;
    version->script = script;
    version->handlers = script->handlers;
    scope_init(&version->scope, scopes, &script->caller, script->L);
    version->scope.silent = true;
    return version;
}

/* What goes wrong while it loads is told to whoever asked for it, not counted
 * as a failing handler. */
struct version *version_of_table(struct scopes *scopes, lua_State *L)
{
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
    int handlers = refs_new(L);
    struct version *version = calloc(1, sizeof *version);
    if (!version) {
        refs_free(L, &handlers);
        return NULL;
    }
    version->handlers = handlers;
    version->quiet = scopes->caller;
    version->quiet.counts = &version->quiet_counts;
    version->quiet.report = NULL;
    scope_init(&version->scope, scopes, &version->quiet, NULL);
    version->scope.silent = true;
    return version;
}

/* ---- Making it ready ---- */

/* Where its questions are counted and reported: from the start, those of a
 * table, with the node's; those of a script with its loading, until it takes
 * charge. */
static protected_caller *questions_caller(struct version *version)
{
    if (version->script)
        return &version->script->caller;
    return &version->scope.scopes->caller;
}

/* STACK: handlers -> handlers */
static uint32_t wants(lua_State *L)
{
    uint32_t mask = 0;
    for (int event = 0; event < SHOAL_NUM_EVENTS; event++) {
        if (!(SHOAL_DIAGNOSTICS >> event & 1))
            continue;
        lua_pushfstring(L, "on_%s", shoal_event_name(event));
        lua_rawget(L, -2);
        if (!lua_isnil(L, -1))
            mask |= 1u << event;
        lua_pop(L, 1);
    }
    return mask;
}

static void prepare(lua_State *L, void *context)
{
    struct version *version = context;
    struct scope *scope = &version->scope;
    const char *who = version->script ? version->script->name : "handlers";
    if (version->script)
        scope->scopes->hooks->push_object(L, scope);
    else
        scope_push_self(&scope->scopes->program, L);
    lua_pushvalue(L, -1);
    scope->self = refs_new(L);
    refs_push(L, version->handlers);
    version->wants = wants(L);
    lua_getfield(L, -1, "rename_as_down_up");
    version->splits_renames = lua_toboolean(L, -1);
    lua_pop(L, 1);
    version->questions =
        questions_new(L, -1, -2, questions_caller(version), who);
    version->questions_ref = refs_new(L);
    lua_newtable(L);
    version->store = refs_new(L);
    lua_pushboolean(L, false); /* nothing */
    version->parcel = refs_new(L);
    lua_pushboolean(L, false);
    version->tags = refs_new(L);
}

int version_prepare(struct version *version, struct error *error)
{
    struct scope *scope = &version->scope;
    int failure = scope_run(scope, prepare, version, "load");
    if (failure != 0) {
        error_fail(error, "%s", protected_last_message(scope->caller));
        return failure;
    }
    /* Not the thread of whoever asks for the load: it may be gone by then. */
    version->questions->L = scope_state(scope);
    return 0;
}

void version_take_charge(struct version *version, unsigned generation,
                         uint64_t now_us)
{
    const protected_caller *program = &version->scope.scopes->caller;
    version->scope.silent = false;
    version->generation = generation;
    version->loaded_us = now_us;
    if (!version->script) {
        version->scope.caller = &version->scope.scopes->caller;
        return;
    }
    protected_caller *caller = &version->script->caller;
    caller->counts = program->counts;
    caller->slow_us = program->slow_us;
    caller->context = program->context;
    caller->report = program->report;
}

bool version_hash(const struct version *version, char *out)
{
    if (!version->script)
        return false;
    snprintf(out, 17, "%016" PRIx64, files_hash(&version->script->files));
    return true;
}

/* ---- Calling it ---- */

struct handler_call {
    struct version *version;
    const char *name;
    version_push_fn *push;
    void *context;
};

static void call(lua_State *L, void *context)
{
    const struct handler_call *call = context;
    struct scope *scope = &call->version->scope;
    int nargs = 1;
    refs_push(L, call->version->handlers);
    lua_getfield(L, -1, call->name);
    if (lua_isnil(L, -1))
        return;
    scope_push_self(scope, L);
    if (call->push)
        nargs += call->push(L, call->context);
    protected_invoke(scope->caller, L, nargs, 0);
}

int version_call(struct version *version, const char *name,
                 version_push_fn *push, void *context)
{
    struct handler_call arguments = {version, name, push, context};
    return scope_run(&version->scope, call, &arguments, name);
}

/* ---- Its end ---- */

void version_end(struct version *version)
{
    scope_end(&version->scope);
}

/* The program's state stays, so what is kept there is given back. */
static void forget_table(struct version *version)
{
    lua_State *L = scope_state(&version->scope);
    refs_free(L, &version->handlers);
    refs_free(L, &version->questions_ref);
    refs_free(L, &version->store);
    refs_free(L, &version->parcel);
    refs_free(L, &version->tags);
}

void version_free(struct version *version)
{
    if (!version)
        return;
    version_end(version);
    if (version->script)
        script_free(version->script);
    else
        forget_table(version);
    free(version);
}
