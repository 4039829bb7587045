/* SPDX-License-Identifier: MIT */
/* One connection: values in, bytes out. */
#include "stream_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_AT_MOST = 32 * 1024 /* in one step */ };

/* ---- What it has to do ---- */

/* The first that can be done now. */
enum step { NOTHING, WRITE, TAKE_MESSAGE, READ, END };

/* A peer that has asked much, and reads nothing, is not listened to. */
static bool has_room_ahead(const stream *peer)
{
    return peer->frame.size - peer->frame.begin < STREAM_MAX_MESSAGE;
}

static enum step next_step(const stream *peer)
{
    if (peer->dead)
        return NOTHING;
    if (stream_has_waiting(peer) && !peer->full)
        return WRITE;
    if (peer->closing)
        return NOTHING;
    if (!stream_has_waiting(peer) && peer->unread)
        return TAKE_MESSAGE;
    if (peer->may_read && has_room_ahead(peer))
        return READ;
    return peer->ended && !stream_has_waiting(peer) ? END : NOTHING;
}

bool stream_has_work(const stream *peer)
{
    return next_step(peer) != NOTHING;
}

static void watch(stream *peer)
{
    bool listens = !peer->dead && !peer->closing && !peer->ended &&
                   !peer->may_read && has_room_ahead(peer);

    if (listens)
        ev_io_start(peer->server->loop, &peer->readable);
    else
        ev_io_stop(peer->server->loop, &peer->readable);
    if (stream_has_work(peer))
        stream_turn_wanted(peer->server);
}

void stream_stop_watching(stream *peer)
{
    ev_io_stop(peer->server->loop, &peer->readable);
    ev_io_stop(peer->server->loop, &peer->writable);
}

static void has_moved(stream *peer)
{
    peer->moved = ++peer->server->moves;
}

static void count_memory(stream *peer)
{
    size_t held = peer->frame.capacity + peer->out.held;

    peer->server->held = peer->server->held - peer->held + held;
    peer->held = held;
}

/* ---- The end ---- */

/* The server sweeps it. Its memory is free at once, but for a message that is
 * being read. */
static void mark_dead(stream *peer)
{
    stream_server *server = peer->server;

    if (peer->dead)
        return;
    peer->dead = true;
    stream_stop_watching(peer);
    stream_out_clear(&peer->out);
    if (!peer->handing)
        frame_clear(&peer->frame);
    count_memory(peer);
    if (!server->closed)
        ev_feed_event(server->loop, &server->sweeper, EV_CUSTOM);
}

void stream_cut_off(stream *peer)
{
    if (!peer->dead)
        peer->server->stats.cut_off++;
    mark_dead(peer);
}

void stream_free(stream *peer)
{
    stream_stop_watching(peer);
    close(peer->fd);
    stream_out_clear(&peer->out);
    frame_clear(&peer->frame);
    count_memory(peer);
    free(peer);
}

void stream_close(stream *peer)
{
    if (peer->dead || peer->closing)
        return;
    peer->closing = true;
    if (stream_has_waiting(peer))
        watch(peer);
    else
        mark_dead(peer);
}

/* ---- In ---- */

static void hand_up(stream *peer, shoal_bytes message)
{
    const stream_callbacks *callbacks = &peer->server->callbacks;

    peer->handing = true;
    callbacks->on_message(callbacks->context, peer, message);
    peer->handing = false;
}

static void take_message(stream *peer)
{
    shoal_bytes message;
    int result = frame_next(&peer->frame, &message);

    if (result == 0) {
        peer->unread = false;
    } else if (result < 0) {
        peer->server->stats.malformed++;
        mark_dead(peer);
    } else {
        hand_up(peer, message);
        frame_trim(&peer->frame);
        count_memory(peer);
    }
}

static void read_once(stream *peer)
{
    size_t room = 0;
    uint8_t *to = NULL;
    ssize_t size;

    if (stream_server_make_room(peer->server, peer, frame_growth(&peer->frame)))
        to = frame_room(&peer->frame, &room);
    count_memory(peer);
    if (!to) {
        stream_cut_off(peer);
        return;
    }
    if (room > READ_AT_MOST)
        room = READ_AT_MOST;
    size = read(peer->fd, to, room);
    if (size > 0) {
        frame_filled(&peer->frame, (size_t)size);
        peer->unread = true;
        peer->may_read = (size_t)size == room;
        if (!stream_has_waiting(peer)) /* or it is its turn to read */
            has_moved(peer);
    } else if (size == 0) { /* of its half only: it may still listen */
        peer->ended = true;
        peer->may_read = false;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        peer->may_read = false;
    } else if (errno != EINTR) {
        mark_dead(peer);
    }
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    stream *peer = watcher->data;

    (void)loop;
    if (events & EV_ERROR) {
        stream_cut_off(peer); /* the loop cannot watch it */
        return;
    }
    peer->may_read = true;
    watch(peer);
}

/* ---- Out ---- */

static void write_once(stream *peer)
{
    shoal_bytes next = stream_out_next(&peer->out);
    ssize_t size =
        send(peer->fd, next.data, next.size, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (size >= 0) {
        stream_out_written(&peer->out, (size_t)size);
        count_memory(peer);
        has_moved(peer);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        peer->full = true;
        ev_io_start(peer->server->loop, &peer->writable);
    } else if (errno != EINTR) {
        mark_dead(peer);
    }
    if (peer->closing && !stream_has_waiting(peer))
        mark_dead(peer);
}

void stream_write_waiting(stream *peer)
{
    peer->full = false;
    while (!peer->dead && stream_has_waiting(peer) && !peer->full)
        write_once(peer);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    stream *peer = watcher->data;

    if (events & EV_ERROR) {
        stream_cut_off(peer);
        return;
    }
    ev_io_stop(loop, watcher);
    peer->full = false;
    watch(peer);
}

static bool add(stream *peer, shoal_bytes bytes)
{
    size_t limit = peer->server->backlog;
    size_t growth = stream_out_growth(&peer->out, bytes.size);
    bool added;

    if (peer->out.waiting > limit || bytes.size > limit - peer->out.waiting ||
        !stream_server_make_room(peer->server, peer, growth))
        return false;
    added = stream_out_add(&peer->out, bytes);
    count_memory(peer);
    return added;
}

bool stream_send(stream *peer, shoal_bytes bytes)
{
    if (peer->dead || peer->closing || peer->server->closed)
        return false;
    if (bytes.size == 0)
        return true;
    if (!stream_has_waiting(peer))
        has_moved(peer); /* it has had nothing to read until now */
    if (!add(peer, bytes)) {
        stream_cut_off(peer);
        return false;
    }
    watch(peer);
    return true;
}

/* ---- A step ---- */

void stream_work(stream *peer)
{
    switch (next_step(peer)) {
    case WRITE:
        write_once(peer);
        break;
    case TAKE_MESSAGE:
        take_message(peer);
        break;
    case READ:
        read_once(peer);
        break;
    case END:
        stream_close(peer);
        break;
    case NOTHING:
        break;
    }
    if (!peer->server->closed)
        watch(peer);
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
    peer->frame.may_be_lines = server->takes_lines;
    ev_io_init(&peer->readable, on_readable, fd, EV_READ);
    ev_io_init(&peer->writable, on_writable, fd, EV_WRITE);
    peer->readable.data = peer;
    peer->writable.data = peer;
    ev_io_start(server->loop, &peer->readable);
    return peer;
}

bool stream_speaks_lines(const stream *peer)
{
    return peer->frame.is_lines;
}

void stream_set_tag(stream *peer, uint64_t tag)
{
    peer->tag = tag;
}

uint64_t stream_tag(const stream *peer)
{
    return peer->tag;
}
