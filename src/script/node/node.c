/* SPDX-License-Identifier: MIT */
#include "node.h"

#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "events.h"
#include "failures.h"
#include "pending.h"
#include "replies.h"
#include "sends.h"
#include "timers.h"
#include "waits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Clocks that differ by more than a step have been set. */
enum { CLOCK_STEP_US = 1000, AGAIN_US = 10 * 1000 };

/* ---- Small answers ---- */

static void set_clock_offset(struct node *node, int64_t offset_us)
{
    node->clock_offset_us = offset_us;
    if (node->current && node->current->questions)
        node->current->questions->clock_offset_us = offset_us;
}

/* Kept as long as the clocks agree about it: a moment that was told once must
 * be the same when it is told again. */
int64_t node_clock_offset_us(struct node *node)
{
    const struct backend_ops *ops = node->backend->ops;
    node->compared_us = ops->now_us(node->backend);
    int64_t offset_us =
        (int64_t)(ops->wall_us(node->backend) - node->compared_us);
    if (llabs(offset_us - node->clock_offset_us) > CLOCK_STEP_US)
        set_clock_offset(node, offset_us);
    return node->clock_offset_us;
}

bool node_is_asking(struct node *node)
{
    return shoal_is_asking(node_engine(node));
}

bool node_is_busy(const struct node *node, const struct scope *scope)
{
    return node->scopes.depth > 0 || node->reloads.loading || scope->L != NULL;
}

void node_update_diagnostics(struct node *node)
{
    static const uint32_t of_changes =
        1u << SHOAL_EVENT_SUSPECT | 1u << SHOAL_EVENT_REFUTED;
    uint32_t mask = node->scopes.program.diagnostics;
    if (node->current)
        mask |= node->current->scope.diagnostics | node->current->wants;
    node->notes_changes = mask >> SHOAL_EVENT_VIEW & 1;
    if (node->notes_changes)
        mask |= of_changes;
    else
        changes_clear(&node->changes);
    if (!node_engine(node))
        return;
    mask |= SENDS_DIAGNOSTICS;
    node->backend->ops->set_diagnostics(node->backend, mask);
    node->backend->ops->wake(node->backend);
}

/* ---- For the backend ---- */

static void on_notify(void *context, const shoal_effect *effect)
{
    events_tell(context, effect);
}

static int identity_at(void *context, const char *endpoint, uint8_t *out,
                       size_t *size)
{
    struct node *node = context;
    return questions_at(node->current->questions, endpoint, out, size);
}

/* ---- What was put off ---- */

static void free_over(struct node *node)
{
    while (node->over) {
        struct version *version = node->over;
        node->over = version->next;
        version_free(version);
    }
}

static void do_put_off(void *context)
{
    struct node *node = context;
    struct error error;
    node->put_off = NULL;
    if (node->scopes.depth > 0 || node->reloads.loading) {
        /* a handler, or a script that loads, runs the loop */
        node->put_off = node->backend->ops->timer_new(node->backend, AGAIN_US,
                                                      0, do_put_off, node);
        return;
    }
    free_over(node);
    log_function_tell(&node->log_function);
    failures_tell(node);
    if (node->wants_reload && !node->wants_close) {
        node->wants_reload = false;
        (void)reload_script(node, node->wanted_reason, NULL, &error);
    }
    if (node->wants_close)
        node_close(node);
}

bool node_put_off(struct node *node)
{
    if (node->put_off || node->phase != NODE_LIVE)
        return true;
    node->put_off =
        node->backend->ops->timer_new(node->backend, 0, 0, do_put_off, node);
    return node->put_off != NULL;
}

/* ---- For the program ---- */

static void use_thread(struct program_node *listed, lua_State *L)
{
    struct node *node = node_of(listed);
    if (!node->current->script)
        node->current->questions->L = L;
}

static void abandon(struct program_node *listed)
{
    node_abandon(node_of(listed));
}

/* ---- For its scopes ---- */

static void end_scope(struct scope *scope)
{
    timers_end(scope);
    waits_end(scope);
    pendings_end(scope);
    asks_end(scope);
    if (scope->node->end_connections)
        scope->node->end_connections(scope);
}

/* ---- Life ---- */

struct node *node_new(struct program *owner, scope_push_fn *push_object)
{
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->references = 1;
    node->listed.use_thread = use_thread;
    node->listed.abandon = abandon;
    node->watches = true;
    log_init(&node->log);
    node->hooks =
        (struct scope_hooks){node_hold, node_release, end_scope, push_object};
    scopes_init(&node->scopes, node, &node->hooks, owner);
    return node;
}

void node_hold(struct node *node)
{
    node->references++;
}

/* What a node that never became live may have: parts of it. */
static void free_node(struct node *node)
{
    struct backend *backend = node->backend;
    node->phase = NODE_CLOSED;
    if (backend)
        backend->ops->close(backend);
    version_free(node->current);
    memory_free(node);
    failures_clear(node);
    log_function_clear(&node->log_function);
    changes_clear(&node->changes);
    modules_clear_paths(&node->paths);
    free(node->script);
    free(node->name);
    free(node->meta);
    free(node->args);
    free(node->cluster);
    networks_clear(&node->allowed);
    free(node);
}

void node_give_up(struct node *node)
{
    struct backend *backend = node->backend;
    node->phase = NODE_CLOSED;
    scope_end(&node->scopes.program);
    refs_free(node->scopes.owner->L, &node->on_error);
    refs_free(node->scopes.owner->L, &node->log_function.fn);
    if (backend)
        backend->ops->close(backend);
    version_free(node->current);
    node->current = NULL;
    memory_free(node);
}

void node_release(struct node *node)
{
    if (--node->references == 0)
        free_node(node);
}

void node_put_in_charge(struct node *node, struct version *version)
{
    node->current = version;
    version_take_charge(version, ++node->reloads.generation,
                        node->backend->ops->wall_us(node->backend));
}

void node_become_live(struct node *node)
{
    node_hold(node);
    node->phase = NODE_LIVE;
    node->started_us = node->backend->ops->wall_us(node->backend);
    program_add(node->scopes.owner, &node->listed);
    node->scopes.owner->log = node->log;
    node->scopes.owner->log.sink = NULL; /* which goes with the node */
    node_put_in_charge(node, node->current);
    node_update_diagnostics(node);
    node->current->questions->clock_offset_us = node_clock_offset_us(node);
    if (node->log_function.waiting > 0)
        (void)node_put_off(node);
}

/* Its socket is of no use any more: on_error is told, then it closes. */
static void on_failed(void *context, const char *error)
{
    struct node *node = context;
    failures_add(node, "socket", error);
    node->wants_close = true;
    (void)node_put_off(node);
}

/* The backend, and with it the engine, is gone: nobody asks the handlers
 * anything any more. */
static void on_closed(void *context)
{
    struct node *node = context;
    node->backend = NULL;
    if (node->started_us == 0)
        return; /* it never became live: see free_node() */
    version_free(node->current);
    node->current = NULL;
    free_over(node);
    node_release(node);
}

host_callbacks node_callbacks(struct node *node)
{
    return (host_callbacks){
        .context = node,
        .on_notify = on_notify,
        .identity_at = identity_at,
        .on_failed = on_failed,
        .on_closed = on_closed,
    };
}

/* Ends all that scopes have set up, and the backend. */
static void take_down(struct node *node)
{
    lua_State *L = node->scopes.owner->L;
    memory_free(node);
    version_end(node->current);
    reload_unwatch(node);
    scope_end(&node->scopes.program);
    replies_clear(node);
    refs_free(L, &node->on_error);
    program_remove(&node->listed);
    node->backend->ops->close(node->backend);
}

void node_close(struct node *node)
{
    if (node->phase != NODE_LIVE)
        return;
    node_hold(node);
    node->backend->ops->deliver(node->backend); /* on_defunct, before on_stop */
    node->phase = NODE_CLOSING;
    reload_unwatch(node);
    (void)version_call(node->current, "on_stop", NULL, NULL);
    log_function_tell(&node->log_function);
    failures_tell(node);
    memory_end(node, true);
    node->phase = NODE_CLOSED;
    waits_close(&node->current->scope);
    waits_close(&node->scopes.program);
    take_down(node);
    log_function_tell(&node->log_function); /* of the end, too */
    refs_free(node->scopes.owner->L, &node->log_function.fn);
    node_release(node);
}

void node_abandon(struct node *node)
{
    memory_end(node, false);
    node->phase = NODE_CLOSED;
    node_hold(node);
    take_down(node);
    refs_free(node->scopes.owner->L, &node->log_function.fn);
    node_release(node);
}
