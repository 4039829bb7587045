/* SPDX-License-Identifier: MIT */
#include "reload.h"

#include "../../base/error.h"
#include "../../host/watch/watch.h"
#include "../../lua/compat.h"
#include "../reload/store.h"
#include "admission.h"
#include "identity.h"
#include "node.h"
#include "script_tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUIET_US = 100 * 1000 };

/* ---- Watching files ---- */

static void reload_quietly(struct node *node, const char *reason)
{
    struct error error;
    (void)reload_script(node, reason, NULL, &error); /* it is logged */
}

static void on_change(void *context)
{
    struct node *node = context;
    if (node->scopes.depth == 0 && !node->reloads.loading) {
        reload_quietly(node, "changed");
        return;
    }
    node->wants_reload = true;
    snprintf(node->wanted_reason, sizeof node->wanted_reason, "changed");
    (void)node_put_off(node);
}

static size_t list_paths(const struct files *files, const char **out)
{
    for (size_t i = 0; files && out && i < files->count; i++)
        out[i] = files->list[i].path;
    return files ? files->count : 0;
}

static struct files *current_files(const struct node *node)
{
    struct version *version = node->current;
    return version && version->script ? &version->script->files : NULL;
}

/* Once: each reload would find the same. */
static void tell_of_watching(struct node *node, const char *error)
{
    char *told = node->reloads.watch_error;
    if (error[0] != '\0' && strcmp(error, told) != 0)
        log_line(&node->log, LOG_WARN, LOG_SCRIPT, "cannot watch all files",
                 log_str("error", error));
    snprintf(told, ERROR_MAX, "%s", error);
}

/* Watches the files of the version in charge, and those of one that failed to
 * load (may be NULL): mending one of them is worth another attempt. */
static void watch_files(struct node *node, const struct files *failed)
{
    struct error error = {"out of memory"};
    const struct files *current = current_files(node);
    size_t count = list_paths(current, NULL) + list_paths(failed, NULL);
    if (!node->reloads.watch)
        return;
    const char **paths = malloc((count + 1) * sizeof *paths);
    if (paths) {
        size_t used = list_paths(current, paths);
        list_paths(failed, paths + used);
    }
    if (paths && watch_set(node->reloads.watch, paths, count, &error) == 0)
        error.text[0] = '\0';
    tell_of_watching(node, error.text);
    free(paths);
}

void reload_watch(struct node *node)
{
    struct error error;
    struct ev_loop *loop = node->backend->ops->loop(node->backend);
    if (!node->script || !node->watches || !loop)
        return;
    node->reloads.watch = watch_new(loop, QUIET_US, on_change, node, &error);
    if (node->reloads.watch)
        watch_files(node, NULL);
    else
        log_line(&node->log, LOG_WARN, LOG_SCRIPT,
                 "changes to the script will not be noticed",
                 log_str("error", error.text));
}

void reload_unwatch(struct node *node)
{
    watch_free(node->reloads.watch);
    node->reloads.watch = NULL;
}

/* ---- Checks before the swap ---- */

/* The running identity must have the same address for the new version, or it
 * would not know itself. */
static int check_identity(struct node *node, struct version *version,
                          struct error *error)
{
    shoal_member self = shoal_self(node_engine(node));
    shoal_handlers handlers = questions_handlers(version->questions);
    uint8_t room[SHOAL_MAX_IDENTITY];
    shoal_bytes addr, endpoint;
    if (handlers.identity.addr(handlers.identity.context, self.id, room, &addr,
                               &endpoint) != 0) {
        error_fail(error,
                   "identity: the new script does not recognise the running "
                   "identity: %.400s",
                   version->questions->error.text[0]
                       ? version->questions->error.text
                       : "it is not a stock identity");
        return 1;
    }
    if (addr.size != self.addr.size ||
        memcmp(addr.data, self.addr.data, addr.size) != 0) {
        error_fail(
            error,
            "identity: the new script gives the running identity another "
            "address");
        return 1;
    }
    return identity_reach(endpoint, error);
}

struct previous {
    const struct version *version;
    const char *reason;
};

/* { generation=, hash=, reason= } of the version before. */
static int push_previous(lua_State *L, void *context)
{
    const struct previous *previous = context;
    char hash[17];
    lua_createtable(L, 0, 3);
    lua_pushnumber(L, previous->version->generation);
    lua_setfield(L, -2, "generation");
    lua_pushstring(L, previous->reason);
    lua_setfield(L, -2, "reason");
    if (version_hash(previous->version, hash)) {
        lua_pushstring(L, hash);
        lua_setfield(L, -2, "hash");
    }
    return 1;
}

static int call_on_reload(struct version *version, const struct version *before,
                          const char *reason, struct error *error)
{
    struct previous previous = {.version = before, .reason = reason};
    int failure = version_call(version, "on_reload", push_previous, &previous);
    if (failure != 0)
        error_fail(error, "on_reload: %s",
                   protected_last_message(version->scope.caller));
    return failure;
}

/* ---- The swap ---- */

/* The old version's state must stay as long as it may be on the stack. */
static void retire(struct node *node, struct version *version)
{
    version_end(version);
    if (node->scopes.depth == 0) {
        version_free(version);
        return;
    }
    version->next = node->over;
    node->over = version;
    (void)node_put_off(node);
}

static int swap(struct node *node, struct version *version, struct error *error)
{
    struct version *before = node->current;
    shoal_handlers handlers = admission_handlers(node, version);
    int refused = shoal_set_handlers(node_engine(node), &handlers);
    if (refused != 0) {
        error_fail(error, "%s", shoal_error_text(refused));
        return refused;
    }
    node_put_in_charge(node, version);
    node_update_diagnostics(node);
    retire(node, before);
    return 0;
}

/* Everything from a version that was made to one that is in charge. It is ours
 * to free only if this fails. */
static int take_over(struct node *node, struct version *version,
                     const char *reason, struct error *error)
{
    struct version *before = node->current;
    int failure = 0;
    if (version_prepare(version, error) != 0)
        failure = RELOAD_MISUSE;
    else
        version->questions->clock_offset_us = node_clock_offset_us(node);
    if (failure == 0)
        failure = store_carry(before, version, error);
    if (failure == 0)
        failure = check_identity(node, version, error);
    if (failure == 0)
        failure = script_tags_read(node, version, error);
    if (failure == 0)
        failure = call_on_reload(version, before, reason, error);
    if (failure == 0)
        failure =
            script_tags_say(node, version, before, (shoal_bytes){0}, error);
    if (failure == 0)
        failure = swap(node, version, error);
    return failure;
}

/* ---- Scripts ---- */

/* As the world that the node is in wants scripts to see it. */
static void set_globals(void *context, lua_State *L)
{
    struct node *node = context;
    if (node->world->set_globals)
        node->world->set_globals(node->world, node, L);
}

/* Nothing else runs while a script does. */
static void tell_if_slow(struct node *node, const struct script *script)
{
    if (script->load_us > PROTECTED_SLOW_US)
        log_line(&node->log, LOG_WARN, LOG_SCRIPT, "slow load",
                 log_str("script", node->script),
                 log_num("seconds", (double)script->load_us / 1e6));
}

static int fail_for_memory(struct error *error)
{
    error_fail(error, "out of memory");
    return SHOAL_ERR_NOMEM;
}

static int load(struct node *node, struct script **out, struct error *error)
{
    struct script_source source = {
        .path = node->script,
        .paths = &node->paths,
        .watch = protected_watched_by(&node->scopes.caller),
        .limit_us = node->load_limit_us,
        .set_globals = set_globals,
        .context = node};
    int failure = script_load(&source, out, error);
    if (*out)
        tell_if_slow(node, *out);
    return failure;
}

int reload_first(struct node *node, struct error *error)
{
    struct script *script;
    int failure = load(node, &script, error);
    if (failure == 0)
        node->current = version_of_script(&node->scopes, script);
    if (node->current)
        return version_prepare(node->current, error);
    script_free(script);
    return failure ? failure : fail_for_memory(error);
}

/* A new version of the node's script in charge, or `error` and, if there is
 * one, the message with a traceback in `trouble`. */
static int load_and_take_over(struct node *node, const char *reason,
                              struct error *error, char *trouble)
{
    struct script *script;
    struct version *version = NULL;
    int failure = load(node, &script, error);
    if (failure == 0) {
        version = version_of_script(&node->scopes, script);
        failure = version ? take_over(node, version, reason, error)
                          : fail_for_memory(error);
    }
    watch_files(node, failure && script ? &script->files : NULL);
    if (failure == 0)
        return 0;
    if (script)
        snprintf(trouble, SCRIPT_MAX_TROUBLE, "%s", script->trouble);
    if (version)
        version_free(version);
    else
        script_free(script);
    return failure;
}

/* That is why a load fails, and the next ones will. */
static void tell_of_deleted(struct node *node)
{
    struct files *files = current_files(node);
    const char *path;
    while (files && (path = files_next_deleted(files)))
        if (strcmp(path, node->script) != 0)
            log_line(&node->log, LOG_WARN, LOG_SCRIPT,
                     "required module is missing", log_str("module", path));
}

static void note_failure(struct node *node, const char *reason,
                         const char *error, const char *trouble)
{
    struct reloads *reloads = &node->reloads;
    reloads->failed = true;
    reloads->failed_us = node->backend->ops->wall_us(node->backend);
    error_fail(&reloads->error, "%s", error);
    snprintf(reloads->reason, sizeof reloads->reason, "%s", reason);
    tell_of_deleted(node);
    log_line(&node->log, LOG_ERROR, LOG_SCRIPT,
             "reload refused, the old version keeps running",
             log_str("script", node->script), log_str("reason", reason),
             log_str("error", trouble[0] ? trouble : error));
}

static void note_success(struct node *node, const char *reason)
{
    char hash[17] = "";
    node->reloads.failed = false;
    version_hash(node->current, hash);
    log_line(&node->log, LOG_INFO, LOG_SCRIPT, "reloaded",
             log_str("script", node->script), log_str("reason", reason),
             log_num("generation", node->current->generation),
             log_str("hash", hash));
}

static bool is_unchanged(struct node *node)
{
    const struct files *files = current_files(node);
    return files && !files_have_changed(files);
}

int reload_script(struct node *node, const char *reason, bool *swapped,
                  struct error *error)
{
    char trouble[SCRIPT_MAX_TROUBLE] = "";
    if (swapped)
        *swapped = false;
    if (is_unchanged(node)) {
        if (node->reloads.failed) /* what was broken has been put back */
            watch_files(node, NULL);
        node->reloads.failed = false;
        return 0;
    }
    node->reloads.loading = true;
    int failure = load_and_take_over(node, reason, error, trouble);
    node->reloads.loading = false;
    if (failure != 0) {
        note_failure(node, reason, error->text, trouble);
        return failure;
    }
    note_success(node, reason);
    if (swapped)
        *swapped = true;
    return 0;
}

/* ---- Tables ---- */

int reload_table(struct node *node, struct version *version,
                 struct error *error)
{
    if (!version)
        return fail_for_memory(error);
    node->reloads.loading = true;
    int failure = take_over(node, version, "set_handlers", error);
    node->reloads.loading = false;
    if (failure != 0)
        version_free(version);
    return failure;
}
