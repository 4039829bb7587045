/* SPDX-License-Identifier: MIT */
#include "node.h"
#include "../base/bytes.h"

#include "../base/clock.h"
#include "../base/error.h"
#include "../base/networks.h"
#include "default_loop.h"

#include <stdlib.h>
#include <string.h>

/* ---- The watchers ---- */

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    host *node = watcher->data;

    (void)loop;
    host_enter(node);
    node->stats.wakeups++;
    if (events & EV_ERROR)
        recovery_unwatched(node);
    else
        recovery_watched(node);
    inbound_waiting(node);
    host_leave(node);
}

/* A process that was stopped for a while finds its timer due and its socket
 * full of acks: those first, or it would declare members down that answered. */
static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host *node = watcher->data;

    (void)loop, (void)events;
    host_enter(node);
    node->armed_us = SHOAL_NEVER;
    inbound_all(node);
    if (!node->closing)
        (void)shoal_tick(node->engine, clock_monotonic_us());
    host_leave(node);
}

static void on_wakeup(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    host *node = watcher->data;

    (void)loop, (void)events;
    host_enter(node);
    host_leave(node);
}

/* The one timer. Should it fire early all the same, the tick does nothing and
 * the timer is armed again. */
static void arm_deadline(host *node)
{
    uint64_t due_us = shoal_next_deadline(node->engine);

    if (node->behind)
        due_us = 0; /* as soon as others had their turn */
    if (due_us == node->armed_us)
        return;
    ev_timer_stop(node->loop, &node->deadline);
    node->armed_us = due_us;
    if (due_us == SHOAL_NEVER)
        return;
    ev_now_update(node->loop); /* or it fires early: for nothing */
    ev_timer_set(&node->deadline,
                 host_seconds_until(due_us, clock_monotonic_us()), 0.);
    ev_timer_start(node->loop, &node->deadline);
}

/* ---- In and out of the node ---- */

static void end_acts(host *node)
{
    for (int act = 0; act < HOST_ACTS; act++)
        if (node->end_acts[act])
            node->end_acts[act](node);
}

static void destroy(host *node)
{
    deputy_remove(node);
    outbound_drain_sends(node);
    end_acts(node);
    ev_io_stop(node->loop, &node->readable);
    recovery_stop(node);
    rival_stop(node);
    path_clear(node);
    ev_timer_stop(node->loop, &node->deadline);
    ev_prepare_stop(node->loop, &node->wakeup);
    resolver_free(node->resolver);
    endpoint_cache_clear(&node->endpoints);
    join_clear(node);
    recall_clear(node);
    host_timers_clear(node);
    log_node_closed(node);
    udp_close(&node->udp);
    udp_inbox_clear(&node->inbox);
    udp_outbox_clear(&node->outbox);
    envelope_clear(&node->envelope);
    shoal_free(node->engine);
    free(node);
}

void host_enter(host *node)
{
    deputy_take_back(node);
    deputy_note(node);
    node->depth++;
}

static void settle(host *node)
{
    if (!node->engine || node->closing)
        return;
    node->behind = false;
    join_ask(node);
    outbound_drain(node);
    if (node->closing)
        return;
    if (join_watch(node))
        node->behind = true; /* a handler joined meanwhile */
    if (node->post.queue.first)
        node->behind = true; /* a handler took its time */
    rival_watch(node);
    log_node_drops(node, clock_monotonic_us());
    arm_deadline(node);
}

/* The other half of host_enter(): closes the node if that was asked for. */
static void leave(host *node)
{
    host_callbacks callbacks = node->callbacks;

    if (--node->depth > 0 || !node->closing)
        return;
    destroy(node);
    if (callbacks.on_closed)
        callbacks.on_closed(callbacks.context);
}

void host_leave(host *node)
{
    if (node->depth == 1)
        settle(node);
    leave(node);
}

void host_fail(host *node, const char *what, int number)
{
    struct error error;

    if (node->failed)
        return;
    node->failed = true;
    error_errno(&error, number, "%s on %s", what, node->bound);
    log_node_failed(node, error.text);
    if (node->callbacks.on_failed)
        node->callbacks.on_failed(node->callbacks.context, error.text);
}

/* Without what is only for those who stay: no seeds, no timers. */
void host_deliver(host *node)
{
    if (node->closing)
        return;
    host_enter(node);
    outbound_drain(node);
    leave(node);
}

/* ---- Opening ---- */

static int find_bind_address(const char *text, struct address *out,
                             struct error *error)
{
    struct endpoint endpoint;
    struct address_reach v4 = {.family = AF_INET}, v6 = {.family = AF_INET6};
    const char *problem;

    if (address_parse_endpoint(bytes_of_text(text), &endpoint, error) != 0)
        return -1;
    *out = endpoint.address;
    if (!endpoint.is_name)
        return 0;
    problem = resolve_first_blocking(endpoint.name, endpoint.port, v4, out);
    if (problem &&
        resolve_first_blocking(endpoint.name, endpoint.port, v6, out))
        return error_fail(error, "cannot bind %s: %s", text, problem);
    return 0;
}

static void on_name_failed(void *context, const char *name, const char *error)
{
    log_node_unresolved_name(context, name, error);
}

static void init_watchers(host *node)
{
    ev_io_init(&node->readable, on_readable, node->udp.fd, EV_READ);
    ev_init(&node->deadline, on_deadline);
    ev_prepare_init(&node->wakeup, on_wakeup);
    recovery_init(node);
    rival_init(node);
    path_init(node);
    node->readable.data = node;
    node->deadline.data = node;
    node->wakeup.data = node;
    node->armed_us = SHOAL_NEVER;
}

static int check_watching(const host *node, const char *bind,
                          struct error *error)
{
    int number = loop_check_watching(node->loop, node->udp.fd);

    if (number == 0)
        return 0;
    return error_errno(error, number,
                       "cannot bind %s: the event loop cannot watch the socket",
                       bind);
}

static int open_parts(host *node, const host_options *options,
                      struct error *error)
{
    struct address where;

    node->udp.fd = -1;
    node->loop = options->loop ? options->loop : default_loop(error);
    if (!node->loop)
        return -1;
    if (envelope_init(&node->envelope, options->cluster, error) != 0)
        return -1;
    if (options->allowed && options->allowed->count > 0)
        node->envelope.allowed = options->allowed;
    if ((options->keys && envelope_seal(&node->envelope, options->keys,
                                        options->skew_us, error) != 0) ||
        find_bind_address(options->bind, &where, error) != 0 ||
        udp_open(&node->udp, &where, error) != 0 ||
        check_watching(node, options->bind, error) != 0)
        return -1;
    node->lookup = options->lookup ? options->lookup : resolve_blocking;
    node->resolver = resolver_new(node->loop, node->udp.reach, node->lookup);
    if (!node->resolver || !udp_outbox_init(&node->outbox))
        return error_fail(error, "cannot open a node: out of memory");
    return 0;
}

host *host_open(const host_options *options, struct error *error)
{
    host *node = calloc(1, sizeof *node);

    if (!node) {
        error_fail(error, "cannot open a node: out of memory");
        return NULL;
    }
    node->log = options->log;
    node->callbacks = options->callbacks;
    node->busy_limit_us = options->busy_limit_us;
    if (open_parts(node, options, error) != 0) {
        resolver_free(node->resolver);
        udp_close(&node->udp);
        envelope_clear(&node->envelope);
        free(node);
        return NULL;
    }
    endpoint_cache_init(&node->endpoints, node->udp.reach, node->resolver,
                        clock_monotonic_us, on_name_failed, node);
    address_format(&node->udp.bound, node->bound);
    join_init(node);
    recall_init(node);
    init_watchers(node);
    return node;
}

int host_start(host *node, const shoal_options *options, struct error *error)
{
    const char *detail = NULL;
    int result = shoal_new(options, &node->engine, &detail);

    if (result != 0) {
        error_fail(error, "cannot start: %s%s%s", shoal_error_text(result),
                   detail ? ": " : "", detail ? detail : "");
        return result;
    }
    if (!inbound_fit(node) || !deputy_add(node, node->busy_limit_us)) {
        shoal_free(node->engine);
        node->engine = NULL;
        error_fail(error, "cannot start: out of memory");
        return SHOAL_ERR_NOMEM;
    }
    node->seeds.rng.state = options->seed ^ clock_monotonic_us();
    node->log_node.engine.log = node->log;
    node->log_node.engine.engine = node->engine;
    host_set_diagnostics(node, 0);
    ev_io_start(node->loop, &node->readable);
    recovery_start(node);
    log_node_started(node);
    host_wake(node);
    return 0;
}

bool host_close(host *node)
{
    if (!node)
        return true;
    if (node->closing)
        return false;
    node->closing = true;
    if (node->depth > 0)
        return false;
    destroy(node);
    return true;
}

/* ---- Small answers ---- */

bool host_is_closing(const host *node)
{
    return node->closing;
}

const char *host_bound(const host *node)
{
    return node->bound;
}

shoal *host_engine(host *node)
{
    return node->engine;
}

struct ev_loop *host_loop(host *node)
{
    return node->loop;
}

uint64_t host_now(const host *node)
{
    (void)node;
    return clock_monotonic_us();
}

/* Inside of the node host_leave() is going to do it all. */
void host_wake(host *node)
{
    deputy_note(node);
    if (node->engine && node->depth == 0 && !node->closing)
        ev_feed_event(node->loop, &node->wakeup, EV_CUSTOM);
}

void host_set_diagnostics(host *node, uint32_t mask)
{
    node->diagnostics = mask;
    deputy_note(node);
    if (node->engine)
        shoal_set_diagnostics(node->engine,
                              mask | log_engine_diagnostics(node->log));
}

/* The deputy is back at its place until a handler runs the next time. */
struct seal *host_seal(host *node)
{
    deputy_take_back(node);
    return node->envelope.seal;
}

void host_speak(host *node, shoal_bytes endpoint, const struct seal_key *key,
                uint64_t us)
{
    struct endpoint where;

    if (address_parse_endpoint(endpoint, &where, NULL) == 0 && !where.is_name &&
        address_adapt(&where.address, node->udp.reach))
        seal_speak(host_seal(node),
                   bytes_of(&where.address.as, where.address.size), key,
                   host_now(node) + us);
}

host_stats host_get_stats(const host *node)
{
    host_stats stats = node->stats;

    deputy_add_stats(node, &stats);
    return stats;
}
