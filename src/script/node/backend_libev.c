/* SPDX-License-Identifier: MIT */
/* The node's backend over real sockets and a libev loop. */
#include "../../base/clock.h"
#include "../../base/error.h"
#include "backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct libev_backend {
    struct backend base;
    host *host;
    host_callbacks callbacks;
};

static struct libev_backend *from(struct backend *backend)
{
    return (struct libev_backend *)backend;
}

static const char *bound(struct backend *backend)
{
    return host_bound(from(backend)->host);
}

static int start(struct backend *backend, const shoal_options *options,
                 struct error *error)
{
    return host_start(from(backend)->host, options, error);
}

static shoal *engine(struct backend *backend)
{
    return host_engine(from(backend)->host);
}

static uint64_t now_us(const struct backend *backend)
{
    return host_now(((const struct libev_backend *)backend)->host);
}

static uint64_t wall_us(const struct backend *backend)
{
    (void)backend;
    return clock_wall_us();
}

static void wake(struct backend *backend)
{
    host_wake(from(backend)->host);
}

static void deliver(struct backend *backend)
{
    host_deliver(from(backend)->host);
}

static bool next_event(struct backend *backend, shoal_effect *out)
{
    return host_next_event(from(backend)->host, out);
}

static void set_diagnostics(struct backend *backend, uint32_t mask)
{
    host_set_diagnostics(from(backend)->host, mask);
}

static int join(struct backend *backend, const char *endpoint,
                struct error *error)
{
    return host_join(from(backend)->host, endpoint, NULL, NULL, error);
}

static int leave(struct backend *backend)
{
    return host_depart(from(backend)->host);
}

static void speak(struct backend *backend, shoal_bytes endpoint,
                  const struct seal_key *key, uint64_t us)
{
    host_speak(from(backend)->host, endpoint, key, us);
}

static int recall(struct backend *backend, const char *endpoint,
                  struct error *error)
{
    if (endpoint)
        return host_recall(from(backend)->host, endpoint, error);
    host_recall_end(from(backend)->host);
    return 0;
}

static const char *seed(struct backend *backend, size_t i)
{
    return host_seed(from(backend)->host, i);
}

static void *timer_new(struct backend *backend, uint64_t after_us,
                       uint64_t repeat_us, backend_timer_fn *fn, void *context)
{
    return host_timer_new(from(backend)->host, after_us, repeat_us, fn,
                          context);
}

static void timer_cancel(struct backend *backend, void *timer)
{
    (void)backend;
    host_timer_cancel(timer);
}

static void *child_new(struct backend *backend,
                       const host_child_request *request, host_child_fn *fn,
                       void *context, struct error *error)
{
    return host_child_new(from(backend)->host, request, fn, context, error);
}

static void child_end(struct backend *backend, void *child)
{
    (void)backend;
    host_child_end(child);
}

static void *io_new(struct backend *backend, int fd, bool writes,
                    host_io_fn *fn, void *context, struct error *error)
{
    return host_io_new(from(backend)->host, fd, writes, fn, context, error);
}

static void io_cancel(struct backend *backend, void *io)
{
    (void)backend;
    host_io_cancel(io);
}

static void *connection_new(struct backend *backend, const char *endpoint,
                            const host_connection_events *events,
                            struct error *error)
{
    return host_connection_new(from(backend)->host, endpoint, events, error);
}

static void connection_want(void *connection, bool wanted)
{
    host_connection_want(connection, wanted);
}

static bool connection_write(void *connection, shoal_bytes bytes)
{
    return host_connection_write(connection, bytes);
}

static void connection_close(void *connection)
{
    host_connection_close(connection);
}

static void *http_new(struct backend *backend, const host_http_request *request,
                      host_http_fn *fn, void *context, struct error *error)
{
    return host_http_new(from(backend)->host, request, fn, context, error);
}

static void http_end(struct backend *backend, void *http)
{
    (void)backend;
    host_http_end(http);
}

static struct seal *seal(struct backend *backend)
{
    return host_seal(from(backend)->host);
}

static void push_stats(struct backend *backend, lua_State *L)
{
    host_stats stats = host_get_stats(from(backend)->host);
    backend_push_stats(L, &stats);
}

static struct ev_loop *loop(struct backend *backend)
{
    return host_loop(from(backend)->host);
}

static int fd(struct backend *backend)
{
    return host_fd(from(backend)->host);
}

static uint64_t due_in_us(struct backend *backend)
{
    return host_due_in(from(backend)->host);
}

/* The host is gone, and with it what stands on it. */
static void on_closed(void *context)
{
    struct libev_backend *self = context;
    host_callbacks callbacks = self->callbacks;
    free(self);
    if (callbacks.on_closed)
        callbacks.on_closed(callbacks.context);
}

static void on_notify(void *context, const shoal_effect *effect)
{
    struct libev_backend *self = context;
    self->callbacks.on_notify(self->callbacks.context, effect);
}

static void on_failed(void *context, const char *error)
{
    struct libev_backend *self = context;
    self->callbacks.on_failed(self->callbacks.context, error);
}

static int identity_at(void *context, const char *endpoint, uint8_t *out,
                       size_t *size)
{
    struct libev_backend *self = context;
    return self->callbacks.identity_at(self->callbacks.context, endpoint, out,
                                       size);
}

static void close_backend(struct backend *backend)
{
    struct libev_backend *self = from(backend);
    if (host_close(self->host))
        on_closed(self);
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
    .recall = recall,
    .speak = speak,
    .seed = seed,
    .timer_new = timer_new,
    .timer_cancel = timer_cancel,
    .child_new = child_new,
    .child_end = child_end,
    .io_new = io_new,
    .io_cancel = io_cancel,
    .connection_new = connection_new,
    .connection_want = connection_want,
    .connection_write = connection_write,
    .connection_close = connection_close,
    .http_new = http_new,
    .http_end = http_end,
    .seal = seal,
    .push_stats = push_stats,
    .loop = loop,
    .fd = fd,
    .due_in_us = due_in_us,
    .close = close_backend,
};

static struct backend *open_backend(struct world *world,
                                    const host_options *options,
                                    struct error *error)
{
    (void)world;
    struct libev_backend *self = calloc(1, sizeof *self);
    if (!self) {
        error_fail(error, "cannot open a node: out of memory");
        return NULL;
    }
    self->base.ops = &ops;
    self->callbacks = options->callbacks;
    host_options mine = *options;
    mine.callbacks = (host_callbacks){
        .context = self,
        .on_notify = on_notify,
        .identity_at = identity_at,
        .on_failed = on_failed,
        .on_closed = on_closed,
    };
    self->host = host_open(&mine, error);
    if (self->host)
        return &self->base;
    free(self);
    return NULL;
}

struct world *backend_machine(void)
{
    static struct world machine = {
        .has_disk = true, .bind = "127.0.0.1:0", .open = open_backend};
    return &machine;
}
