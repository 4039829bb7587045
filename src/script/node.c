/* SPDX-License-Identifier: MIT */
#include "node.h"

#include "compat.h"
#include "failures.h"
#include "forms.h"
#include "listeners.h"
#include "refs.h"
#include "view.h"
#include "waits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Clocks that differ by more than a step have been set. */
enum { CLOCK_STEP_US = 1000, AGAIN_US = 10 * 1000 };

/* What happened so shortly before or after the clocks were compared does
 * without comparing them again. */
enum { COMPARED_US = 10 * 1000 };

/* ---- Small answers ---- */

shoal *node_engine(const struct node *node)
{
    return node->backend ? node->backend->ops->engine(node->backend) : NULL;
}

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

/* For something that was at `at_us` and is told now: there may be thousands of
 * it at the same moment. */
static int64_t clock_offset_at(struct node *node, uint64_t at_us)
{
    int64_t apart_us = (int64_t)(at_us - node->compared_us);
    if (llabs(apart_us) < COMPARED_US)
        return node->clock_offset_us;
    return node_clock_offset_us(node);
}

/* A claim about nobody changes nothing, and is refused like any other. */
bool node_is_asking(struct node *node)
{
    return shoal_apply(node_engine(node), 0, NULL, 0, false) ==
           SHOAL_ERR_REENTRANT;
}

bool node_is_busy(const struct node *node, const struct tenant *tenant)
{
    return node->depth > 0 || node->reloads.loading || tenant->L != NULL;
}

void node_update_diagnostics(struct node *node)
{
    uint32_t mask = node->program.diagnostics;
    if (node->current)
        mask |= node->current->tenant.diagnostics;
    if (node_engine(node))
        node->backend->ops->set_diagnostics(node->backend, mask);
}

/* ---- Events ---- */

struct news {
    struct node *node;
    struct tenant *tenant;
    struct version *version; /* NULL: the tenant is the program */
    const shoal_effect *effect;
};

static const char *const handler_names[SHOAL_NUM_EVENTS] = {
#define HANDLER_NAME(NAME, VALUE, name) [VALUE] = "on_" name,
    SHOAL_EVENTS(HANDLER_NAME)
#undef HANDLER_NAME
};

/* Pushes handlers.on_<event>; false and nothing when there is none. */
static bool push_handler(lua_State *L, const struct news *news)
{
    shoal_event event = news->effect->event;
    if (!news->version || event >= SHOAL_EVENT_SUSPECT)
        return false;
    refs_push(L, news->version->handlers);
    refs_push(L, news->tenant->dispatch->forms->handler_names[event]);
    lua_gettable(L, -2);
    lua_remove(L, -2);
    if (!lua_isnil(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}

/* Calls it with the node and the values after the name, which are on top of the
 * stack from `first`. */
static void call_handler(lua_State *L, const struct news *news, int first)
{
    int last = lua_gettop(L);
    if (!push_handler(L, news))
        return;
    tenant_push_self(news->tenant, L);
    for (int value = first + 1; value <= last; value++)
        lua_pushvalue(L, value);
    (void)dispatch_call(news->tenant->dispatch, L, last - first + 1, 0,
                        handler_names[news->effect->event]);
    lua_settop(L, last);
}

/* To the handler, and to listeners, who see the same tables. */
static void tell_all(lua_State *L, const struct news *news)
{
    int first = lua_gettop(L) + 1;
    view_push_event(L, news->effect, node_clock_offset_us(news->node));
    if (news->effect->event == SHOAL_EVENT_REJOIN) {
        lua_getfield(L, -1, "id"); /* on_rejoin(node, id) */
        lua_replace(L, -2);
    }
    call_handler(L, news, first);
    listeners_tell(L, news->tenant, news->effect->event, first);
}

/* That a member came or went is what there is most of, and then mostly a
 * handler alone is told. */
static bool is_for_handler_alone(const struct news *news)
{
    return news->version && news->tenant->listeners == REFS_NONE &&
           (news->effect->event == SHOAL_EVENT_MEMBER_UP ||
            news->effect->event == SHOAL_EVENT_MEMBER_DOWN);
}

static void tell_handler(lua_State *L, const struct news *news)
{
    dispatch *d = news->tenant->dispatch;
    const shoal_member *member = &news->effect->member;
    if (!push_handler(L, news))
        return;
    int handler = lua_gettop(L);
    refs_push(L, d->forms->tell);
    lua_pushvalue(L, handler);
    tenant_push_self(news->tenant, L);
    forms_push_member(L, member, clock_offset_at(news->node, member->since_us));
    dispatch_invoke_form(d, L, handler, 2 + FORMS_MEMBER_ARGS, 0);
}

static void tell(lua_State *L, void *context)
{
    const struct news *news = context;
    luaL_checkstack(L, 16, "cannot tell of an event");
    if (is_for_handler_alone(news))
        tell_handler(L, news);
    else
        tell_all(L, news);
}

static void tell_tenant(const struct news *news)
{
    const char *what = is_for_handler_alone(news)
                           ? handler_names[news->effect->event]
                           : "event";
    tenant_run(news->tenant, tell, (void *)news, what);
}

static void on_notify(void *context, const shoal_effect *effect)
{
    struct node *node = context;
    if (node->phase != NODE_LIVE)
        return;
    struct version *version = node->current;
    tell_tenant(&(struct news){node, &version->tenant, version, effect});
    if (node->program.listeners != REFS_NONE)
        tell_tenant(&(struct news){node, &node->program, NULL, effect});
    waits_check(node);
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
    char error[HOST_MAX_ERROR];
    node->put_off = NULL;
    if (node->depth > 0 || node->reloads.loading) {
        /* a handler, or a script that loads, runs the loop */
        node->put_off = node->backend->ops->timer_new(node->backend, AGAIN_US,
                                                      0, do_put_off, node);
        return;
    }
    free_over(node);
    failures_tell(node);
    if (node->wants_reload && !node->wants_close) {
        node->wants_reload = false;
        (void)reload_script(node, node->wanted_reason, NULL, error);
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

/* ---- Life ---- */

struct node *node_new(struct owner *owner)
{
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->references = 1;
    node->owner = owner;
    node->watches = true;
    log_init(&node->log);
    tenant_init(&node->program, node, &node->program_dispatch, NULL);
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
    failures_clear(node);
    module_paths_clear(&node->paths);
    free(node->script);
    free(node->name);
    free(node->cluster);
    free(node);
}

void node_give_up(struct node *node)
{
    struct backend *backend = node->backend;
    node->phase = NODE_CLOSED;
    tenant_end(&node->program);
    refs_free(node->owner->L, &node->on_error);
    if (backend)
        backend->ops->close(backend);
    version_free(node->current);
    node->current = NULL;
}

void node_release(struct node *node)
{
    if (--node->references == 0)
        free_node(node);
}

static void link_to_owner(struct node *node)
{
    node->next = node->owner->nodes;
    if (node->next)
        node->next->previous = node;
    node->owner->nodes = node;
}

static void unlink_from_owner(struct node *node)
{
    if (node->next)
        node->next->previous = node->previous;
    if (node->previous)
        node->previous->next = node->next;
    else
        node->owner->nodes = node->next;
    node->next = node->previous = NULL;
}

void node_become_live(struct node *node)
{
    node_hold(node);
    node->phase = NODE_LIVE;
    node->started_us = node->backend->ops->wall_us(node->backend);
    link_to_owner(node);
    node->owner->log = node->log;
    version_take_charge(node->current);
    node->current->questions->clock_offset_us = node_clock_offset_us(node);
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
        .on_closed = on_closed,
    };
}

/* Ends all that tenants have set up, and the backend. */
static void take_down(struct node *node)
{
    lua_State *L = node->owner->L;
    version_end(node->current);
    reload_unwatch(node);
    tenant_end(&node->program);
    refs_free(L, &node->on_error);
    unlink_from_owner(node);
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
    failures_tell(node);
    node->phase = NODE_CLOSED;
    waits_close(&node->current->tenant);
    waits_close(&node->program);
    take_down(node);
    node_release(node);
}

void node_abandon(struct node *node)
{
    node->phase = NODE_CLOSED;
    take_down(node);
}
