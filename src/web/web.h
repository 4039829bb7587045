/* SPDX-License-Identifier: MIT */
/*
 * An HTTP server in somebody's loop, without a thread of its own, by
 * libmicrohttpd, which is opened when a server is made.
 *
 * Who calls it: web_lua.c, for `shoal run --http`. A request comes in whole
 * (its body, too, of at most WEB_MAX_BODY bytes) and is answered once, now or
 * later: with a response (web_respond), or with one that goes on (web_stream,
 * web_write, web_finish). Whoever it was for may be gone by then; `over` is
 * called for each request that `request` was called for, once.
 *
 * What the library does not see to, this does:
 *
 *   a client that is slow to say what it wants, or to take the answer, is cut
 *     off: WEB_IDLE_S, WEB_ARRIVE_S and WEB_WRITE_S say when, and a byte now
 *     and then does not help
 *   a client that has gone while its request waits is noticed within a second
 *   when there is no room, the connection that has been idle for longest goes
 *   what is ambiguous is refused: two lengths, a length and a transfer coding,
 *     one that is not chunked, or in HTTP/1.0, a header whose name is not a
 *     token, no Host
 *
 * One turn of the loop serves everybody who is ready, so the number of
 * connections bounds how late a ping may be answered. The cost has nothing to
 * do with the number of members; that is its caller's.
 *
 * Somebody's browser can be made to ask a server on loopback for things (a name
 * of the attacker's that resolves to 127.0.0.1). So there `Host` has to be an
 * address or localhost, unless a token is asked for.
 */
#ifndef SHOAL_WEB_WEB_H
#define SHOAL_WEB_WEB_H

#include "../base/error.h"
#include "../control/socket_access.h"
#include "../shoal_types.h"

#include <ev.h>

enum {
    WEB_MAX_CONNECTIONS = 256,
    WEB_MAX_PER_HOST = 64,      /* of another host */
    WEB_MAX_HEADERS = 16384,    /* bytes of a request, without its body */
    WEB_MAX_BODY = 65536,       /* bytes */
    WEB_MAX_BACKLOG = 1u << 20, /* bytes that may wait for a stream's reader */
    WEB_IDLE_S = 75,   /* seconds, from one request to the next one's line */
    WEB_ARRIVE_S = 15, /* from there to its end */
    WEB_WRITE_S = 60,  /* for the answer, or for what waits of a stream */
    WEB_WAIT_S =
        900, /* until it is answered: the layer above has forgotten it */
    WEB_MAX_TOKEN = 512 /* bytes */
};

typedef struct web_server web_server;
typedef struct web_request web_request;

typedef struct web_callbacks {
    void *context;
    void (*request)(void *context, web_request *request);
    /* It is freed when this returns. */
    void (*over)(void *context, web_request *request);
    void (*trouble)(void *context, const char *error);
    /* The last one: the server is gone. */
    void (*closed)(void *context);
} web_callbacks;

typedef struct web_options {
    bool is_public;              /* another address than loopback will do */
    const char *token_file;      /* borrowed for the call; NULL: no token */
    struct socket_access access; /* of a path */
    double idle_s, arrive_s, write_s; /* instead of those above; 0: those */
} web_options;

/* NULL and `error`: the place cannot be used, or the library is not there. */
web_server *web_listen(struct ev_loop *loop, const char *where,
                       const web_options *options,
                       const web_callbacks *callbacks, struct error *error);
/* Ends all connections; `over` is called for what is under way. Inside of a
 * callback, it does so once that has returned. NULL is fine. */
void web_close(web_server *server);
/* "127.0.0.1:7947" with the port that it was given, "unix:PATH". Borrowed for
 * its life. */
const char *web_place(const web_server *server);

typedef struct web_stats {
    uint64_t accepted, refused, requests, cut_off;
    uint64_t connections; /* now */
} web_stats;
web_stats web_get_stats(const web_server *server);

/* ---- Requests ---- */

/* Borrowed while it lives. */
const char *web_method(const web_request *request);
const char *web_uri(const web_request *request); /* as it was sent */
shoal_bytes web_body(const web_request *request);
/* Calls fn(context, name, value) for each header. */
void web_headers(const web_request *request,
                 void (*fn)(void *context, const char *name, const char *value),
                 void *context);
/* Of the layer above. */
void web_set_tag(web_request *request, void *tag);
void *web_tag(const web_request *request);

/* A response that is being made; the memory is web_respond()'s or
 * web_stream()'s, or web_response_free()'s. NULL: no memory. */
struct web_response;
struct web_response *web_response_new(shoal_bytes body); /* copied */
struct web_response *web_response_of_stream(web_request *request);
/* false: not a header (a line end in it), or no memory. */
bool web_response_header(struct web_response *response, const char *name,
                         const char *value);
void web_response_free(struct web_response *response);

/* Answers; takes ownership of `response`. false: it was answered before, or
 * its client is gone. */
bool web_respond(web_request *request, unsigned status,
                 struct web_response *response);
/* More of a stream (copied). false: it is over, or was cut off because its
 * reader does not read. */
bool web_write(web_request *request, shoal_bytes bytes);
/* Bytes of a stream that its reader has not taken yet. */
size_t web_waiting(const web_request *request);
/* Ends the stream after what waits. */
void web_finish(web_request *request);
/* Ends its connection, unless it has been answered in full. */
void web_drop(web_request *request);

#endif
