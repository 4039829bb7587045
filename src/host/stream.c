/* SPDX-License-Identifier: MIT */
/*
 * The server: its connections, and what goes in and out of them.
 *
 * A callback may close any stream and the server itself. So nothing is freed
 * while one runs (`busy`): streams are marked (`dead`) and swept afterwards,
 * and the server that was closed meanwhile is freed by the outermost call.
 */
#define _GNU_SOURCE 1 /* accept4 */

#include "stream.h"

#include "fail.h"
#include "frame.h"
#include "host.h"
#include "stream_path.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    READS_PER_WAKEUP = 16, /* then others have a turn */
    FLUSH_MS = 200         /* for all streams of a server that closes */
};

/* No descriptors left: accepting is tried again after this. */
static const double ACCEPT_PAUSE = 0.2;

struct stream {
    stream *next;
    stream_server *server;
    int fd;
    ev_io readable, writable;
    struct frame frame;
    uint8_t *out; /* what waits to be written: out[out_begin .. out_size) */
    size_t out_begin, out_size, out_capacity;
    uint64_t tag;
    bool closing; /* after what waits was written */
    bool dead;    /* at once */
};

struct stream_server {
    struct ev_loop *loop;
    stream_callbacks callbacks;
    struct stream_path path;
    int fd;
    ev_io acceptable;
    ev_timer pause;     /* after accept() failed */
    ev_prepare sweeper; /* never started; fed when a stream died */
    stream *streams;
    unsigned num_streams, busy;
    bool closed;
    stream_stats stats;
};

/* ---- The end of streams ---- */

static void mark_dead(stream *peer)
{
    stream_server *server = peer->server;

    if (peer->dead)
        return;
    peer->dead = true;
    ev_io_stop(server->loop, &peer->readable);
    ev_io_stop(server->loop, &peer->writable);
    if (!server->closed)
        ev_feed_event(server->loop, &server->sweeper, EV_CUSTOM);
}

static void free_stream(stream *peer)
{
    ev_io_stop(peer->server->loop, &peer->readable);
    ev_io_stop(peer->server->loop, &peer->writable);
    close(peer->fd);
    frame_clear(&peer->frame);
    free(peer->out);
    free(peer);
}

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
    return peer;
}

static void free_server(stream_server *server)
{
    stream *peer;

    while ((peer = server->streams)) {
        server->streams = peer->next;
        free_stream(peer);
    }
    free(server);
}

static void enter(stream_server *server)
{
    server->busy++;
}

/* The server may be gone when this returns. */
static void leave(stream_server *server)
{
    stream *peer;

    while (server->busy == 1 && !server->closed && (peer = take_dead(server))) {
        if (server->callbacks.on_close)
            server->callbacks.on_close(server->callbacks.context, peer);
        free_stream(peer);
    }
    if (--server->busy == 0 && server->closed)
        free_server(server);
}

static void on_sweep(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    stream_server *server = watcher->data;

    (void)loop, (void)events;
    enter(server);
    leave(server);
}

/* ---- In ---- */

static void deliver(stream *peer)
{
    stream_server *server = peer->server;
    shoal_bytes message;
    int result = 0;

    while (!peer->dead && !peer->closing && !server->closed &&
           (result = frame_next(&peer->frame, &message)) == 1)
        server->callbacks.on_message(server->callbacks.context, peer, message);
    if (result >= 0 || peer->dead)
        return;
    server->stats.malformed++;
    mark_dead(peer);
}

/* What one read gave: false when nothing more is to be had now. */
static bool read_once(stream *peer)
{
    size_t room;
    uint8_t *to = frame_room(&peer->frame, &room);
    ssize_t size;

    if (!to) {
        peer->server->stats.cut_off++;
        mark_dead(peer);
        return false;
    }
    size = read(peer->fd, to, room);
    if (size > 0) {
        frame_filled(&peer->frame, (size_t)size);
        deliver(peer);
        return (size_t)size == room && !peer->dead && !peer->server->closed;
    }
    if (size == 0 || (errno != EAGAIN && errno != EINTR))
        mark_dead(peer);
    return false;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    stream *peer = watcher->data;
    stream_server *server = peer->server;
    int reads = 0;

    (void)loop, (void)events;
    enter(server);
    while (reads++ < READS_PER_WAKEUP && read_once(peer))
        ;
    leave(server);
}

/* ---- Out ---- */

/* Writes what it can. */
static void write_waiting(stream *peer)
{
    while (!peer->dead && peer->out_begin < peer->out_size) {
        ssize_t size =
            send(peer->fd, peer->out + peer->out_begin,
                 peer->out_size - peer->out_begin, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (size >= 0)
            peer->out_begin += (size_t)size;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        else if (errno != EINTR)
            mark_dead(peer);
    }
    peer->out_begin = peer->out_size = 0;
    ev_io_stop(peer->server->loop, &peer->writable);
    if (peer->closing)
        mark_dead(peer);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    stream *peer = watcher->data;
    stream_server *server = peer->server;

    (void)loop, (void)events;
    enter(server);
    write_waiting(peer);
    leave(server);
}

/* Room for `size` more bytes behind what waits. */
static bool reserve(stream *peer, size_t size)
{
    size_t waiting = peer->out_size - peer->out_begin;
    size_t capacity = peer->out_capacity ? peer->out_capacity : 1024;
    uint8_t *out;

    if (size <= peer->out_capacity - peer->out_size)
        return true;
    if (peer->out_begin > 0)
        memmove(peer->out, peer->out + peer->out_begin, waiting);
    peer->out_begin = 0;
    peer->out_size = waiting;
    while (capacity - waiting < size)
        capacity *= 2;
    if (capacity == peer->out_capacity)
        return true;
    out = realloc(peer->out, capacity);
    if (!out)
        return false;
    peer->out = out;
    peer->out_capacity = capacity;
    return true;
}

bool stream_send(stream *peer, shoal_bytes bytes)
{
    size_t waiting = peer->out_size - peer->out_begin;

    if (peer->dead || peer->closing || peer->server->closed)
        return false;
    if (bytes.size == 0)
        return true;
    if (bytes.size > STREAM_MAX_BACKLOG - waiting ||
        !reserve(peer, bytes.size)) {
        peer->server->stats.cut_off++;
        mark_dead(peer);
        return false;
    }
    memcpy(peer->out + peer->out_size, bytes.data, bytes.size);
    peer->out_size += bytes.size;
    ev_io_start(peer->server->loop, &peer->writable);
    return true;
}

void stream_close(stream *peer)
{
    if (peer->dead || peer->closing)
        return;
    peer->closing = true;
    ev_io_stop(peer->server->loop, &peer->readable);
    if (peer->out_begin == peer->out_size)
        mark_dead(peer);
}

void stream_set_tag(stream *peer, uint64_t tag)
{
    peer->tag = tag;
}

uint64_t stream_tag(const stream *peer)
{
    return peer->tag;
}

/* ---- Connections ---- */

static void add_stream(stream_server *server, int fd)
{
    stream *peer = calloc(1, sizeof *peer);

    if (!peer) {
        server->stats.refused++;
        close(fd);
        return;
    }
    peer->server = server;
    peer->fd = fd;
    frame_init(&peer->frame, STREAM_MAX_MESSAGE);
    ev_io_init(&peer->readable, on_readable, fd, EV_READ);
    ev_io_init(&peer->writable, on_writable, fd, EV_WRITE);
    peer->readable.data = peer;
    peer->writable.data = peer;
    peer->next = server->streams;
    server->streams = peer;
    server->num_streams++;
    server->stats.accepted++;
    ev_io_start(server->loop, &peer->readable);
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

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    stream_server *server = watcher->data;
    int fd = accept_one(server->fd);

    (void)events;
    if (fd >= 0 && server->num_streams < STREAM_MAX_CONNECTIONS) {
        add_stream(server, fd);
    } else if (fd >= 0) {
        server->stats.refused++;
        close(fd);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        /* out of descriptors: the listener would stay readable, and the loop
         * would spin */
        ev_io_stop(loop, watcher);
        ev_timer_set(&server->pause, ACCEPT_PAUSE, 0.);
        ev_timer_start(loop, &server->pause);
    }
}

static void on_pause_over(struct ev_loop *loop, ev_timer *watcher, int events)
{
    stream_server *server = watcher->data;

    (void)events;
    ev_io_start(loop, &server->acceptable);
}

/* ---- The server ---- */

stream_server *stream_listen(struct ev_loop *loop, const char *path,
                             const stream_callbacks *callbacks, char *error)
{
    stream_server *server = calloc(1, sizeof *server);

    if (!server) {
        fail(error, "cannot listen on %s: out of memory", path);
        return NULL;
    }
    server->fd = stream_path_listen(&server->path, path, error);
    if (server->fd < 0) {
        free(server);
        return NULL;
    }
    server->loop = loop;
    server->callbacks = *callbacks;
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
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Writes what waits in any stream, for a while; so that the answer to `leave`
 * still gets out. */
static void flush_all(stream_server *server)
{
    int64_t end = now_ms() + FLUSH_MS;
    stream *peer;

    for (peer = server->streams; peer; peer = peer->next) {
        write_waiting(peer);
        while (!peer->dead && peer->out_begin < peer->out_size) {
            struct pollfd wait = {peer->fd, POLLOUT, 0};
            int64_t left = end - now_ms();

            if (left <= 0 || poll(&wait, 1, (int)left) == 0)
                break;
            write_waiting(peer);
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
    close(server->fd);
    ev_io_stop(server->loop, &server->acceptable);
    ev_timer_stop(server->loop, &server->pause);
    ev_prepare_stop(server->loop, &server->sweeper);
    for (peer = server->streams; peer; peer = peer->next) {
        ev_io_stop(server->loop, &peer->readable);
        ev_io_stop(server->loop, &peer->writable);
    }
    if (server->busy == 0)
        free_server(server);
}

stream_stats stream_server_stats(const stream_server *server)
{
    return server->stats;
}
