/* SPDX-License-Identifier: MIT */
/*
 * What a stream and its server are made of; for stream.c and stream_server.c.
 *
 * A callback may close any stream and the server itself. So nothing is freed
 * while one runs (`busy`): streams are marked (`dead`) and swept afterwards,
 * and the server that was closed meanwhile is freed by the outermost call.
 */
#ifndef SHOAL_CONTROL_STREAM_PARTS_H
#define SHOAL_CONTROL_STREAM_PARTS_H

#include "frame.h"
#include "stream.h"
#include "stream_path.h"

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
    size_t backlog; /* bytes that may wait for a peer */
    bool closed;
    stream_stats stats;
};

/* ---- stream_server.c ---- */

/* Around every call from the loop. The server may be gone after the second. */
void stream_server_enter(stream_server *server);
void stream_server_leave(stream_server *server);

/* ---- stream.c ---- */

/* Takes over the connection `fd`. NULL: no memory, and `fd` is still the
 * caller's. */
stream *stream_begin(stream_server *server, int fd);
/* To be swept by the server. */
void stream_mark_dead(stream *peer);
/* Writes what it can without waiting. */
void stream_write_waiting(stream *peer);
static inline bool stream_has_waiting(const stream *peer)
{
    return peer->out_begin < peer->out_size;
}
void stream_stop_watching(stream *peer);
/* Closes the connection; `peer` is in no list any more. */
void stream_free(stream *peer);

#endif
