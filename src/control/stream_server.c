/* SPDX-License-Identifier: MIT */
/* The server: it listens, takes connections, and sweeps those that ended. */
#include "stream_parts.h"

#include "../base/clock.h"
#include "../base/error.h"
#include "../host/loop_check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FLUSH_MS = 200 /* for all streams of a server that closes */
};

/* No descriptors left: accepting is tried again after this. */
static const double ACCEPT_PAUSE = 0.2;

/* ---- Sweeping ---- */

/* Takes one dead stream out of the list. */
static stream *take_dead(stream_server *server)
{
    stream **place = &server->streams, *peer;

    while ((peer = *place) && !peer->dead)
        place = &peer->next;
    if (peer) {
        *place = peer->next;
        server->num_streams--;
    }
    if (peer && server->cursor == peer)
        server->cursor = peer->next;
    return peer;
}

static void free_server(stream_server *server)
{
    stream *peer;

    while ((peer = server->streams)) {
        server->streams = peer->next;
        stream_free(peer);
    }
    free(server);
}

void stream_server_enter(stream_server *server)
{
    server->busy++;
}

void stream_server_leave(stream_server *server)
{
    stream *peer;

    while (server->busy == 1 && !server->closed && (peer = take_dead(server))) {
        if (server->callbacks.on_close)
            server->callbacks.on_close(server->callbacks.context, peer);
        stream_free(peer);
    }
    if (--server->busy == 0 && server->closed)
        free_server(server);
}

/* ---- The memory of all buffers ---- */

/* Whose bytes have stood still for longest. */
static stream *find_stalest(const stream_server *server, const stream *but)
{
    stream *peer, *stalest = NULL;

    for (peer = server->streams; peer; peer = peer->next)
        if (peer != but && !peer->dead && stream_holds_bytes(peer) &&
            (!stalest || peer->moved < stalest->moved))
            stalest = peer;
    return stalest;
}

bool stream_server_make_room(stream_server *server, const stream *peer,
                             size_t growth)
{
    stream *stalest;

    if (growth > STREAM_MAX_MEMORY)
        return false;
    while (server->held > STREAM_MAX_MEMORY - growth) {
        stalest = find_stalest(server, peer);
        if (!stalest)
            return false;
        stream_cut_off(stalest);
    }
    return true;
}

/* ---- Sweeping, from the loop ---- */

static void on_sweep(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    stream_server *server = watcher->data;

    (void)loop, (void)events;
    stream_server_enter(server);
    stream_server_leave(server);
}

/* ---- Connections ---- */

static void add_stream(stream_server *server, int fd)
{
    stream *peer = NULL;

    if (server->num_streams < STREAM_MAX_CONNECTIONS)
        peer = stream_begin(server, fd);
    if (!peer) {
        server->stats.refused++;
        close(fd);
        return;
    }
    peer->next = server->streams;
    server->streams = peer;
    server->num_streams++;
    server->stats.accepted++;
}

static int accept_one(int listener)
{
#ifdef __linux__
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
    int fd = accept(listener, NULL, NULL);

    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    return fd;
#endif
}

/* Out of descriptors: the listener would stay readable, and the loop would
 * spin. */
static void pause_accepting(stream_server *server, const char *error)
{
    const stream_callbacks *callbacks = &server->callbacks;

    ev_io_stop(server->loop, &server->acceptable);
    ev_timer_set(&server->pause, ACCEPT_PAUSE, 0.);
    ev_timer_start(server->loop, &server->pause);
    if (callbacks->on_trouble)
        callbacks->on_trouble(callbacks->context, error);
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    stream_server *server = watcher->data;
    int fd;

    (void)loop;
    if (events & EV_ERROR) {
        pause_accepting(server, "the event loop cannot watch the socket");
        return;
    }
    fd = accept_one(server->fd);
    if (fd >= 0)
        add_stream(server, fd);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        pause_accepting(server, error_text(errno));
}

static void on_pause_over(struct ev_loop *loop, ev_timer *watcher, int events)
{
    stream_server *server = watcher->data;

    (void)events;
    loop_watch_again(loop, &server->acceptable);
}

/* ---- The server ---- */

static int open_listener(stream_server *server, const char *path,
                         const struct socket_access *access,
                         struct error *error)
{
    int fd = stream_path_listen(&server->path, path, access, error);
    int number = fd < 0 ? 0 : loop_check_watching(server->loop, fd);

    if (number == 0)
        return fd;
    error_errno(error, number,
                "cannot listen on %s: the event loop cannot watch the socket",
                path);
    stream_path_remove(&server->path);
    close(fd);
    return -1;
}

stream_server *stream_listen(struct ev_loop *loop, const char *path,
                             const stream_callbacks *callbacks,
                             struct error *error)
{
    struct socket_access ours = socket_access_private();

    return stream_listen_for(loop, path, &ours, callbacks, error);
}

stream_server *stream_listen_for(struct ev_loop *loop, const char *path,
                                 const struct socket_access *access,
                                 const stream_callbacks *callbacks,
                                 struct error *error)
{
    stream_server *server = calloc(1, sizeof *server);

    if (!server) {
        error_fail(error, "cannot listen on %s: out of memory", path);
        return NULL;
    }
    server->loop = loop;
    server->fd = open_listener(server, path, access, error);
    if (server->fd < 0) {
        free(server);
        return NULL;
    }
    server->callbacks = *callbacks;
    server->backlog = STREAM_MAX_BACKLOG;
    server->now_us = clock_monotonic_us;
    stream_turn_init(server);
    ev_io_init(&server->acceptable, on_acceptable, server->fd, EV_READ);
    ev_init(&server->pause, on_pause_over);
    ev_prepare_init(&server->sweeper, on_sweep);
    server->acceptable.data = server;
    server->pause.data = server;
    server->sweeper.data = server;
    ev_io_start(loop, &server->acceptable);
    return server;
}

static int64_t now_ms(void)
{
    return (int64_t)(clock_monotonic_us() / 1000);
}

/* Writes what waits in any stream, for a while; so that the answer to `leave`
 * still gets out. */
static void flush_all(stream_server *server)
{
    int64_t end = now_ms() + FLUSH_MS;
    stream *peer;

    for (peer = server->streams; peer; peer = peer->next) {
        stream_write_waiting(peer);
        while (!peer->dead && stream_has_waiting(peer)) {
            struct pollfd wait = {peer->fd, POLLOUT, 0};
            int64_t left = end - now_ms();

            if (left <= 0 || poll(&wait, 1, (int)left) == 0)
                break;
            stream_write_waiting(peer);
        }
    }
}

void stream_server_close(stream_server *server)
{
    stream *peer;

    if (!server || server->closed)
        return;
    flush_all(server);
    server->closed = true;
    stream_path_remove(&server->path);
    ev_io_stop(server->loop, &server->acceptable);
    close(server->fd);
    ev_timer_stop(server->loop, &server->pause);
    stream_turn_stop(server);
    ev_prepare_stop(server->loop, &server->sweeper);
    for (peer = server->streams; peer; peer = peer->next)
        stream_stop_watching(peer);
    if (server->busy == 0)
        free_server(server);
}

void stream_server_take_lines(stream_server *server)
{
    server->takes_lines = true;
}

void stream_server_limit(stream_server *server, size_t backlog)
{
    server->backlog = backlog;
}

void stream_server_clock(stream_server *server, stream_clock *now_us)
{
    server->now_us = now_us;
}

stream_stats stream_server_stats(const stream_server *server)
{
    stream_stats stats = server->stats;

    stats.connections = server->num_streams;
    stats.buffered = server->held;
    return stats;
}
