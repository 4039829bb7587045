/* SPDX-License-Identifier: MIT */
/*
 * Unix stream sockets that carry MessagePack values, for the control socket.
 *
 * A server listens on a path (mode 0600), takes connections and hands every
 * complete MessagePack value up. A value of more than STREAM_MAX_MESSAGE bytes,
 * or bytes that are no MessagePack, end the connection (counted).
 *
 * Peers that are many, that ask much or that do not read cost a bounded time
 * and a bounded memory:
 *   - in each turn of the loop STREAM_TURN_US are spent on all of them, behind
 *     everything else that is to be done in that turn
 *   - no message of a peer is handed up while bytes wait for it; it is read
 * from until it has sent STREAM_MAX_MESSAGE more
 *   - it is cut off when more than STREAM_MAX_BACKLOG bytes wait for it
 *   - all buffers together have STREAM_MAX_MEMORY; when that is not enough, the
 *     peers whose bytes have stood still for longest are cut off
 */
#ifndef SHOAL_CONTROL_STREAM_H
#define SHOAL_CONTROL_STREAM_H

#include "../base/error.h"
#include "../shoal.h"
#include "socket_access.h"

#include <ev.h>

enum {
    STREAM_MAX_MESSAGE = 1 << 20,
    STREAM_MAX_BACKLOG = 12 << 20, /* an answer lists up to 65,536 members */
    STREAM_MAX_MEMORY = 16 << 20,
    STREAM_TURN_US = 1000,
    STREAM_MAX_CONNECTIONS = 64,
    STREAM_TIMEOUT = -2
};

typedef struct stream_server stream_server;
typedef struct stream stream;

typedef struct stream_callbacks {
    void *context;
    /* A complete value; `message` is borrowed for the call. The callback may
     * send to and close any stream, and close the server. */
    void (*on_message)(void *context, stream *peer, shoal_bytes message);
    /* The stream is gone; the last mention of it. */
    void (*on_close)(void *context, stream *peer);
    /* No connection could be taken: "too many open files". The server goes on
     * trying, five times a second. Must not close it. May be NULL. */
    void (*on_trouble)(void *context, const char *error);
} stream_callbacks;

/* NULL and `error` on failure. A stale socket that
 * nobody listens on is replaced; one that somebody listens on is an error
 * ("is in use by another node"), and so is a path that is not a socket. The
 * missing last folder of the path is made with mode 0700. */
stream_server *stream_listen(struct ev_loop *loop, const char *path,
                             const stream_callbacks *callbacks,
                             struct error *error);
/* The same for others than us. A folder that is made is theirs as well. */
stream_server *stream_listen_for(struct ev_loop *loop, const char *path,
                                 const struct socket_access *access,
                                 const stream_callbacks *callbacks,
                                 struct error *error);
/* A peer is cut off once so many bytes wait for it, from now on: less than
 * STREAM_MAX_BACKLOG. */
void stream_server_limit(stream_server *server, size_t backlog);
/* Microseconds of a clock that does not run backwards. */
typedef uint64_t stream_clock(void);
/* By which a turn is measured, from now on, instead of CLOCK_MONOTONIC. */
void stream_server_clock(stream_server *server, stream_clock *now_us);
/* Those that begin with an ASCII character speak in lines, of as many bytes at
 * most, from now on: `message` is a line without its end then. */
void stream_server_take_lines(stream_server *server);
/* Flushes what waits for up to 200 ms, closes all streams (no callback is
 * called any more), removes the path. NULL is fine. */
void stream_server_close(stream_server *server);
/* Queues `bytes` (copied). false: the stream was cut off (on_close follows). */
bool stream_send(stream *peer, shoal_bytes bytes);
/* Does it speak in lines? */
bool stream_speaks_lines(const stream *peer);
/* Closes after what waits was written. */
void stream_close(stream *peer);
/* A number of the layer above kept with the stream. */
void stream_set_tag(stream *peer, uint64_t tag);
uint64_t stream_tag(const stream *peer);
typedef struct stream_stats {
    uint64_t accepted, refused, malformed, cut_off;
    uint64_t connections, buffered; /* now: how many, and bytes of memory */
} stream_stats;
stream_stats stream_server_stats(const stream_server *server);

/* ---- The client, blocking: for `shoal members` and its kind ---- */

typedef struct stream_client stream_client;
/* NULL and `error`: "no node is listening on /run/shoal/x.sock". A node that
 * takes no connection, and later no bytes, within `timeout_ms` (-1: no limit)
 * is an error too. */
stream_client *stream_connect(const char *path, int timeout_ms,
                              struct error *error);
/* 0, or -1 and `error`. */
int stream_client_send(stream_client *client, shoal_bytes bytes,
                       struct error *error);
/* The next value: 1 and `*message` (borrowed until the next call), 0 at the
 * end of the stream, -1 and `error`, or STREAM_TIMEOUT and `error` when nothing
 * came within `timeout_ms` (-1: no limit). */
int stream_client_receive(stream_client *client, int timeout_ms,
                          shoal_bytes *message, struct error *error);
/* NULL is fine. */
void stream_client_close(stream_client *client);

#endif
