/* SPDX-License-Identifier: MIT */
#include "script_tags.h"

#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "../engine/tagging.h"
#include "identity.h"
#include "node.h"

struct saying {
    struct node *node;
    struct version *version;
    shoal_bytes before, more;
    int changes;
};

static shoal *engine_of(const struct node *node)
{
    return node->backend->ops->engine(node->backend);
}

/* ---- What the script says ---- */

/* STACK: handlers -> handlers, tags */
static void push_answer(lua_State *L, const struct saying *saying)
{
    lua_getfield(L, -1, "tags");
    if (!lua_isfunction(L, -1))
        return;
    identity_push_options(L, saying->node);
    protected_invoke(saying->version->scope.caller, L, 1, 1);
}

static void keep_answer(lua_State *L, void *context)
{
    const struct saying *saying = context;
    const struct script *script = saying->version->script;
    refs_push(L, saying->version->handlers);
    push_answer(L, saying);
    if (lua_isnil(L, -1))
        return;
    tagging_push_packed(L, -1, script ? script->name : "handlers");
    refs_set(L, saying->version->tags);
}

int script_tags_read(struct node *node, struct version *version,
                     struct error *error)
{
    struct saying saying = {.node = node, .version = version};
    struct scope *scope = &version->scope;
    int failure = scope_run(scope, keep_answer, &saying, "tags");
    if (failure != 0)
        error_fail(error, "%s", protected_last_message(scope->caller));
    return failure;
}

/* ---- Saying it ---- */

/* The version's state keeps them. */
static shoal_bytes bytes_at(const struct version *version, int ref)
{
    lua_State *L = scope_state(&version->scope);
    shoal_bytes bytes = {NULL, 0};
    refs_push(L, ref);
    if (lua_type(L, -1) == LUA_TSTRING)
        bytes.data = (const uint8_t *)lua_tolstring(L, -1, &bytes.size);
    lua_pop(L, 1);
    return bytes;
}

static void merge(lua_State *L, void *context)
{
    struct saying *saying = context;
    const struct version *version = saying->version;
    tagging_push_own(L, engine_of(saying->node));
    saying->changes =
        tagging_merge(L, saying->before, bytes_at(version, version->tags)) +
        tagging_merge(L, (shoal_bytes){0}, saying->more);
    tagging_pack(L, "tags");
    refs_set(L, version->parcel);
}

static void forget_parcel(struct version *version)
{
    lua_State *L = scope_state(&version->scope);
    lua_pushboolean(L, false);
    refs_set(L, version->parcel);
}

int script_tags_set(struct node *node, shoal_bytes tags)
{
    const shoal *engine = engine_of(node);
    uint64_t view = shoal_view(engine);
    int error = rotation_set_tags(node, tags);
    if (node->notes_changes && shoal_view(engine) != view)
        node->changes.own_tags = true;
    return error;
}

static int set(struct node *node, shoal_bytes tags, struct error *error)
{
    struct backend *backend = node->backend;
    shoal *engine = engine_of(node);
    int failure = script_tags_set(node, tags);
    const char *detail = shoal_error_detail(engine);
    if (failure != 0)
        error_fail(error, "tags: %s",
                   *detail ? detail : shoal_error_text(failure));
    backend->ops->wake(backend);
    return failure;
}

int script_tags_say(struct node *node, struct version *version,
                    struct version *before, shoal_bytes more,
                    struct error *error)
{
    struct saying saying = {.node = node, .version = version, .more = more};
    struct scope *scope = &version->scope;
    if (before)
        saying.before = bytes_at(before, before->tags);
    int failure = scope_run(scope, merge, &saying, "tags");
    if (failure != 0)
        error_fail(error, "%s", protected_last_message(scope->caller));
    else if (saying.changes > 0)
        failure = set(node, bytes_at(version, version->parcel), error);
    forget_parcel(version);
    return failure;
}
