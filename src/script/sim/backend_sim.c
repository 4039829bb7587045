/* SPDX-License-Identifier: MIT */
#include "backend_sim.h"
#include "../../base/bytes.h"

#include "../../base/address.h"
#include "../../base/error.h"
#include "../../host/log_engine.h"
#include "sim_children.h"
#include "sim_connections.h"
#include "sim_http.h"

#include <stdlib.h>
#include <string.h>

struct sim_backend {
    struct backend base;
    sim_node *node;
    host_callbacks callbacks;
    struct log_engine log_engine; /* to the node's log */
    struct mocks *mocks;          /* the simulation's */
    struct sim_child *children;
    struct sim_connection *connections;
    struct sim_http *requests;
    uint32_t diagnostics; /* that the node wants */
    bool crashes;
    char address[SIM_MAX_ADDRESS];
};

static struct sim_backend *from(struct backend *backend)
{
    return (struct sim_backend *)backend;
}

static const struct sim_backend *from_const(const struct backend *backend)
{
    return (const struct sim_backend *)backend;
}

/* ---- What a node asks of it ---- */

static const char *bound(struct backend *backend)
{
    return from(backend)->address;
}

static int start(struct backend *backend, const shoal_options *options,
                 struct error *error)
{
    const char *detail = NULL;
    struct sim_backend *self = from(backend);
    int failure = sim_start(self->node, options, &detail);
    if (failure != 0) {
        error_fail(error, "cannot start: %s%s%s", shoal_error_text(failure),
                   detail ? ": " : "", detail ? detail : "");
        return failure;
    }
    self->log_engine.engine = sim_engine(self->node);
    shoal_set_diagnostics(sim_engine(self->node),
                          log_engine_diagnostics(self->log_engine.log));
    return 0;
}

static shoal *engine(struct backend *backend)
{
    return sim_engine(from(backend)->node);
}

static uint64_t now_us(const struct backend *backend)
{
    return sim_node_now(from_const(backend)->node);
}

static uint64_t wall_us(const struct backend *backend)
{
    return sim_node_wall(from_const(backend)->node);
}

static void wake(struct backend *backend)
{
    sim_wake(from(backend)->node);
}

static void deliver(struct backend *backend)
{
    sim_deliver(from(backend)->node);
}

static bool is_wanted(const struct sim_backend *self, shoal_event event)
{
    return !shoal_event_is_diagnostic(event) ||
           (self->diagnostics >> event & 1);
}

/* Tells the log of it, whether the node is to hear of it or not. */
static bool is_for_program(struct sim_backend *self, const shoal_effect *effect)
{
    log_engine_write(&self->log_engine, sim_node_now(self->node), effect);
    return is_wanted(self, effect->event);
}

static bool next_event(struct backend *backend, shoal_effect *out)
{
    struct sim_backend *self = from(backend);
    while (sim_next_event(self->node, out)) {
        if (is_for_program(self, out))
            return true;
    }
    return false;
}

static void set_diagnostics(struct backend *backend, uint32_t mask)
{
    struct sim_backend *self = from(backend);
    self->diagnostics = mask;
    shoal_set_diagnostics(engine(backend),
                          mask | log_engine_diagnostics(self->log_engine.log));
}

static const char *seed(struct backend *backend, size_t i)
{
    return sim_seed(from(backend)->node, i);
}

static int join(struct backend *backend, const char *endpoint,
                struct error *error)
{
    struct endpoint parsed;
    if (address_parse_endpoint(bytes_of_text(endpoint), &parsed, error) != 0)
        return -1;
    if (!sim_join(from(backend)->node, endpoint))
        return error_fail(error, "cannot join: out of memory");
    return 0;
}

static int leave(struct backend *backend)
{
    return sim_depart(from(backend)->node);
}

static void *timer_new(struct backend *backend, uint64_t after_us,
                       uint64_t repeat_us, backend_timer_fn *fn, void *context)
{
    return sim_timer_new(from(backend)->node, after_us, repeat_us, fn, context);
}

static void timer_cancel(struct backend *backend, void *timer)
{
    (void)backend;
    sim_timer_cancel(timer);
}

static void *child_new(struct backend *backend,
                       const host_child_request *request, host_child_fn *fn,
                       void *context, struct error *error)
{
    struct sim_backend *self = from(backend);
    return sim_child_new(self->node, &self->children, self->mocks, request, fn,
                         context, error);
}

static void child_end(struct backend *backend, void *child)
{
    (void)backend;
    sim_child_end(child);
}

static void *connection_new(struct backend *backend, const char *endpoint,
                            const host_connection_events *events,
                            struct error *error)
{
    struct sim_backend *self = from(backend);
    return sim_connection_new(self->node, &self->connections, self->mocks,
                              endpoint, events, error);
}

static void connection_want(void *connection, bool wanted)
{
    sim_connection_want(connection, wanted);
}

static bool connection_write(void *connection, shoal_bytes bytes)
{
    return sim_connection_write(connection, bytes);
}

static void connection_close(void *connection)
{
    sim_connection_close(connection);
}

static void *http_new(struct backend *backend, const host_http_request *request,
                      host_http_fn *fn, void *context, struct error *error)
{
    struct sim_backend *self = from(backend);
    return sim_http_new(self->node, &self->requests, self->mocks, request, fn,
                        context, error);
}

static void http_end(struct backend *backend, void *http)
{
    (void)backend;
    sim_http_end(http);
}

static void push_stats(struct backend *backend, lua_State *L)
{
    sim_traffic traffic = sim_node_traffic(from(backend)->node);
    struct seal *seal = sim_seal(from(backend)->node);
    struct seal_counts counts =
        seal ? seal_get_counts(seal) : (struct seal_counts){0};
    host_stats stats = {
        .datagrams_received = traffic.packets_received + traffic.foreign +
                              traffic.foreign_key + traffic.unauthentic +
                              traffic.replayed + traffic.unproven,
        .datagrams_sent = traffic.packets_sent,
        .bytes_received = traffic.bytes_received,
        .bytes_sent = traffic.bytes_sent,
        .foreign_cluster = traffic.foreign,
        .foreign_key = traffic.foreign_key,
        .unauthentic = traffic.unauthentic,
        .replayed = traffic.replayed,
        .unproven = traffic.unproven,
        .challenges = counts.challenges,
        .challenges_dropped = counts.challenges_dropped,
    };
    backend_push_stats(L, &stats);
}

static void speak(struct backend *backend, shoal_bytes endpoint,
                  const struct seal_key *key, uint64_t us)
{
    sim_speak(from(backend)->node, endpoint, key, us);
}

static struct seal *seal(struct backend *backend)
{
    return sim_seal(from(backend)->node);
}

static struct ev_loop *loop(struct backend *backend)
{
    (void)backend;
    return NULL;
}

static void close_backend(struct backend *backend)
{
    struct sim_backend *self = from(backend);
    if (self->crashes)
        sim_crash(self->node);
    else
        sim_close(self->node);
}

static const struct backend_ops ops = {
    .bound = bound,
    .start = start,
    .engine = engine,
    .now_us = now_us,
    .wall_us = wall_us,
    .wake = wake,
    .deliver = deliver,
    .next_event = next_event,
    .set_diagnostics = set_diagnostics,
    .join = join,
    .leave = leave,
    .seed = seed,
    .timer_new = timer_new,
    .timer_cancel = timer_cancel,
    .child_new = child_new,
    .child_end = child_end,
    .connection_new = connection_new,
    .connection_want = connection_want,
    .connection_write = connection_write,
    .connection_close = connection_close,
    .http_new = http_new,
    .http_end = http_end,
    .seal = seal,
    .speak = speak,
    .push_stats = push_stats,
    .loop = loop,
    .close = close_backend,
};

/* ---- What the simulation tells it ---- */

static void on_notify(void *context, const shoal_effect *effect)
{
    struct sim_backend *self = context;
    if (is_for_program(self, effect))
        self->callbacks.on_notify(self->callbacks.context, effect);
}

static void on_send(void *context, const shoal_effect *effect)
{
    struct sim_backend *self = context;
    log_engine_write(&self->log_engine, sim_node_now(self->node), effect);
}

static int identity_at(void *context, const char *endpoint, uint8_t *out,
                       size_t *size)
{
    struct sim_backend *self = context;
    return self->callbacks.identity_at(self->callbacks.context, endpoint, out,
                                       size);
}

static void on_closed(void *context)
{
    struct sim_backend *self = context;
    host_callbacks callbacks = self->callbacks;
    sim_child_forget_all(&self->children);
    sim_connection_forget_all(&self->connections);
    sim_http_forget_all(&self->requests);
    if (self->log_engine.log) {
        self->log_engine.log->clock = NULL;
        self->log_engine.log->node = NULL;
    }
    free(self);
    if (callbacks.on_closed)
        callbacks.on_closed(callbacks.context);
}

/* ---- Opening ---- */

static uint64_t log_clock(void *context)
{
    return wall_us(context);
}

/* Lines tell the virtual time, and which member writes. */
static void use_log(struct sim_backend *self, struct log *log)
{
    self->log_engine.log = log;
    if (!log)
        return;
    log->clock = log_clock;
    log->context = self;
    log->node = self->address;
}

static int check_address(const char *bind, struct error *error)
{
    struct endpoint endpoint;
    struct error problem;
    if (address_parse_endpoint(bytes_of_text(bind), &endpoint, &problem) != 0)
        return error_fail(error, "cannot bind %.64s: %.400s", bind,
                          problem.text);
    if (endpoint.is_name || endpoint.port == 0 ||
        address_is_wildcard(&endpoint.address))
        return error_fail(error,
                          "cannot bind %.64s: a simulated member has an IP "
                          "address of its own, and a port",
                          bind);
    return 0;
}

struct backend *backend_sim_open(sim *net, struct mocks *mocks,
                                 const host_options *options,
                                 struct error *error)
{
    if (options->bind && check_address(options->bind, error) != 0)
        return NULL;
    struct sim_backend *self = calloc(1, sizeof *self);
    if (!self) {
        error_fail(error, "cannot open a node: out of memory");
        return NULL;
    }
    const char *problem;
    sim_options place = {
        .address = options->bind,
        .label = options->cluster,
        .keys = options->keys,
        .skew_us = options->skew_us,
        .callbacks = {.context = self,
                      .on_notify = on_notify,
                      .on_send =
                          log_engine_wants_sends(options->log) ? on_send : NULL,
                      .identity_at = identity_at,
                      .on_closed = on_closed}};
    self->base.ops = &ops;
    self->mocks = mocks;
    self->callbacks = options->callbacks;
    self->node = sim_open(net, &place, &problem);
    if (!self->node) {
        free(self);
        error_fail(error, "cannot bind %.64s: %s",
                   options->bind ? options->bind : "a new address", problem);
        return NULL;
    }
    const char *address = sim_address(net, sim_place(self->node));
    memcpy(self->address, address, strlen(address) + 1);
    use_log(self, options->log);
    return &self->base;
}

struct node *backend_sim_node(const sim *net, uint32_t place)
{
    sim_node *node = sim_node_at(net, place);
    if (!node)
        return NULL;
    const struct sim_backend *self = sim_context(node);
    return self->callbacks.context;
}

void backend_sim_will_crash(struct backend *backend)
{
    from(backend)->crashes = true;
}

uint32_t backend_sim_place(const struct backend *backend)
{
    return sim_place(from_const(backend)->node);
}
