/* SPDX-License-Identifier: MIT */
/*
 * What a server, its connections (peers) and their requests are made of.
 *
 * The library owns connections and descriptors. A peer is there from its
 * "started" to its "closed", a request from its first line to "completed"; to
 * end a connection is to shut its socket down, and let the library find out.
 */
#ifndef SHOAL_WEB_WEB_PARTS_H
#define SHOAL_WEB_WEB_PARTS_H

#include "../base/buffer.h"
#include "mhd_api.h"
#include "place.h"
#include "web.h"

enum web_phase {
    WEB_IDLE,     /* nothing, or not even a line, has come */
    WEB_ARRIVING, /* the rest of a request */
    WEB_WAITING,  /* for its answer */
    WEB_WRITING,
    WEB_NUM_PHASES
};

struct web_peer {
    struct web_peer *next, **place;
    struct web_server *server;
    struct MHD_Connection *connection;
    int fd;
    struct address address; /* size 0: of a path */
    enum web_phase phase;
    uint64_t since_us; /* in that phase; or, of a stream, that it moved */
    bool is_shut;
    web_request *request; /* under way */
};

struct web_request {
    struct web_peer *peer;
    char *uri;
    const char *method; /* the library's */
    struct buffer body, out;
    void *tag;
    struct web_response *response; /* to be queued */
    unsigned status;
    bool begun;     /* its headers are there */
    bool delivered; /* `request` was called */
    bool answered;
    bool suspended;
    bool failed; /* to be dropped */
    bool is_stream, finished;
    bool too_long; /* its body */
};

struct web_response {
    struct MHD_Response *raw;
    bool is_stream;
};

struct web_server {
    struct ev_loop *loop;
    web_callbacks callbacks;
    const struct mhd_api *api;
    struct MHD_Daemon *daemon;
    struct listen_place place;
    int fd;
    bool is_public;
    uint64_t limits_us[WEB_NUM_PHASES];
    char token[WEB_MAX_TOKEN + 1]; /* "": none */
    ev_io acceptable, ready;
    ev_timer soon;  /* the library has more to do */
    ev_timer sweep; /* while there are peers, or accepting pauses */
    struct web_peer *peers;
    struct address next_address; /* of the connection that is handed over */
    unsigned num_peers, busy;
    bool closed, paused;
    bool resumed; /* a request: the library does not say so */
    web_stats stats;
};

/* ---- web.c ---- */

/* Lets the library do what there is to do. The server may be gone after it. */
void web_run(web_server *server);
/* In the next turn of the loop. */
void web_run_soon(web_server *server);

/* ---- web_peer.c ---- */

mhd_connection_fn web_on_connection;
void web_peer_enter(struct web_peer *peer, enum web_phase phase);
/* Shuts it down, and lets go of its request. */
void web_peer_cut(struct web_peer *peer);
/* Cuts off those whose time is up, or who are gone. */
void web_peers_check(web_server *server);
/* Makes room for one more. false: everybody is busy. */
bool web_peers_make_room(web_server *server);
/* How many there are of the same other host. */
unsigned web_peers_of(const web_server *server, const struct address *address);

/* ---- web_request.c ---- */

mhd_uri_fn web_on_uri;
mhd_handler_fn web_on_handler;
mhd_completed_fn web_on_completed;
/* Lets the library go on with a request that waits. */
void web_resume(web_request *request);

/* ---- web_check.c ---- */

/* NULL, or what is wrong with the headers and its `status`. */
const char *web_check(const web_request *request, const char *version,
                      unsigned *status);

/* ---- web_stream.c ---- */

mhd_read_fn web_stream_read;

#endif
