/* SPDX-License-Identifier: MIT */
/*
 * What a stream and its server are made of; for stream.c, stream_turn.c and
 * stream_server.c.
 *
 * What a stream has to do is done in small steps (a message handed up, one
 * read, one write), and those of all streams in turn: see stream_turn.c. Its
 * watchers only say that there is something to do.
 *
 * A callback may close any stream and the server itself. So nothing is freed
 * while one runs (`busy`): streams are marked (`dead`) and swept afterwards,
 * and the server that was closed meanwhile is freed by the outermost call.
 */
#ifndef SHOAL_CONTROL_STREAM_PARTS_H
#define SHOAL_CONTROL_STREAM_PARTS_H

#include "frame.h"
#include "stream.h"
#include "stream_out.h"
#include "stream_path.h"

struct stream {
    stream *next;
    stream_server *server;
    int fd;
    ev_io readable, writable;
    struct frame frame;
    struct stream_out out;
    size_t held;    /* memory of both, as the server has counted it */
    uint64_t moved; /* when bytes came or went last, as the server counts */
    uint64_t tag;
    bool may_read; /* the socket may have bytes */
    bool unread;   /* the frame may have a message */
    bool full;     /* the socket takes no more for now */
    bool ended;    /* the peer says no more */
    bool handing;  /* a message in the frame is being handed up */
    bool closing;  /* after what waits was written */
    bool dead;     /* at once */
};

struct stream_server {
    struct ev_loop *loop;
    stream_callbacks callbacks;
    struct stream_path path;
    int fd;
    ev_io acceptable;
    ev_timer pause;     /* after accept() failed */
    ev_timer turn;      /* see stream_turn.c */
    ev_prepare sweeper; /* never started; fed when a stream died */
    stream *streams;
    stream *cursor; /* whose step is next; NULL: the first's */
    size_t held;    /* memory of all streams' buffers */
    uint64_t moves; /* counts what moved in any stream */
    unsigned num_streams, busy;
    size_t backlog; /* bytes that may wait for a peer */
    stream_clock *now_us;
    bool turning; /* a turn is under way */
    bool closed;
    bool takes_lines;
    stream_stats stats;
};

/* ---- stream_server.c ---- */

/* Around every call from the loop. The server may be gone after the second. */
void stream_server_enter(stream_server *server);
void stream_server_leave(stream_server *server);
/* Makes room in the memory of all buffers for so much more of `peer`, at the
 * expense of those that have moved least lately. false: there is none. */
bool stream_server_make_room(stream_server *server, const stream *peer,
                             size_t growth);

/* ---- stream_turn.c ---- */

void stream_turn_init(stream_server *server);
void stream_turn_stop(stream_server *server);
/* A stream has something to do. */
void stream_turn_wanted(stream_server *server);

/* ---- stream.c ---- */

/* Takes over the connection `fd`. NULL: no memory, and `fd` is still the
 * caller's. */
stream *stream_begin(stream_server *server, int fd);
bool stream_has_work(const stream *peer);
/* Does a little of it. */
void stream_work(stream *peer);
/* The same, counted as cut off. */
void stream_cut_off(stream *peer);
/* Writes what it can without waiting. */
void stream_write_waiting(stream *peer);
static inline bool stream_has_waiting(const stream *peer)
{
    return peer->out.waiting > 0;
}
/* Bytes of its wait, to be written or to become a message. */
static inline bool stream_holds_bytes(const stream *peer)
{
    return stream_has_waiting(peer) || peer->frame.size > peer->frame.begin;
}
void stream_stop_watching(stream *peer);
/* Closes the connection; `peer` is in no list any more. */
void stream_free(stream *peer);

#endif
