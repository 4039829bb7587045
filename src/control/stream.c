/* SPDX-License-Identifier: MIT */
/* One connection: values in, bytes out. */
#include "stream_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READS_PER_WAKEUP = 16 /* then others have a turn */
};

/* ---- The end ---- */

void stream_mark_dead(stream *peer)
{
    stream_server *server = peer->server;

    if (peer->dead)
        return;
    peer->dead = true;
    stream_stop_watching(peer);
    if (!server->closed)
        ev_feed_event(server->loop, &server->sweeper, EV_CUSTOM);
}

void stream_stop_watching(stream *peer)
{
    ev_io_stop(peer->server->loop, &peer->readable);
    ev_io_stop(peer->server->loop, &peer->writable);
}

void stream_free(stream *peer)
{
    stream_stop_watching(peer);
    close(peer->fd);
    frame_clear(&peer->frame);
    free(peer->out);
    free(peer);
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
    stream_mark_dead(peer);
}

/* What one read gave: false when nothing more is to be had now. */
static bool read_once(stream *peer)
{
    size_t room;
    uint8_t *to = frame_room(&peer->frame, &room);
    ssize_t size;

    if (!to) {
        peer->server->stats.cut_off++;
        stream_mark_dead(peer);
        return false;
    }
    size = read(peer->fd, to, room);
    if (size > 0) {
        frame_filled(&peer->frame, (size_t)size);
        deliver(peer);
        return (size_t)size == room && !peer->dead && !peer->server->closed;
    }
    if (size == 0) /* perhaps of its half only: it may still listen */
        stream_close(peer);
    else if (errno != EAGAIN && errno != EINTR)
        stream_mark_dead(peer);
    return false;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    stream *peer = watcher->data;
    stream_server *server = peer->server;
    int reads = 0;

    (void)loop, (void)events;
    stream_server_enter(server);
    while (reads++ < READS_PER_WAKEUP && read_once(peer))
        ;
    stream_server_leave(server);
}

/* ---- Out ---- */

void stream_write_waiting(stream *peer)
{
    while (!peer->dead && stream_has_waiting(peer)) {
        ssize_t size =
            send(peer->fd, peer->out + peer->out_begin,
                 peer->out_size - peer->out_begin, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (size >= 0)
            peer->out_begin += (size_t)size;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        else if (errno != EINTR)
            stream_mark_dead(peer);
    }
    peer->out_begin = peer->out_size = 0;
    ev_io_stop(peer->server->loop, &peer->writable);
    if (peer->closing)
        stream_mark_dead(peer);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    stream *peer = watcher->data;
    stream_server *server = peer->server;

    (void)loop, (void)events;
    stream_server_enter(server);
    stream_write_waiting(peer);
    stream_server_leave(server);
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
    size_t limit = peer->server->backlog;

    if (peer->dead || peer->closing || peer->server->closed)
        return false;
    if (bytes.size == 0)
        return true;
    if (waiting > limit || bytes.size > limit - waiting ||
        !reserve(peer, bytes.size)) {
        peer->server->stats.cut_off++;
        stream_mark_dead(peer);
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
    if (!stream_has_waiting(peer))
        stream_mark_dead(peer);
}

void stream_set_tag(stream *peer, uint64_t tag)
{
    peer->tag = tag;
}

uint64_t stream_tag(const stream *peer)
{
    return peer->tag;
}

/* ---- The beginning ---- */

stream *stream_begin(stream_server *server, int fd)
{
    stream *peer = calloc(1, sizeof *peer);

    if (!peer)
        return NULL;
    peer->server = server;
    peer->fd = fd;
    frame_init(&peer->frame, STREAM_MAX_MESSAGE);
    ev_io_init(&peer->readable, on_readable, fd, EV_READ);
    ev_io_init(&peer->writable, on_writable, fd, EV_WRITE);
    peer->readable.data = peer;
    peer->writable.data = peer;
    ev_io_start(server->loop, &peer->readable);
    return peer;
}
