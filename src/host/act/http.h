/* SPDX-License-Identifier: MIT */
/*
 * Requests by HTTP that a program makes, by libcurl's multi interface in the
 * node's loop. libcurl is opened when the first one is made; without it,
 * http://... works still, in a plain way of our own (http_plain.c).
 *
 * Names are looked up as those of members are, not by libcurl: its threads
 * would keep the loop waiting when a request is given up.
 */
#ifndef SHOAL_HOST_ACT_HTTP_H
#define SHOAL_HOST_ACT_HTTP_H

#include "../host.h"

typedef struct host_http host_http;

/* All borrowed for the call. */
typedef struct host_http_request {
    const char *url;            /* http://... or https://... */
    const char *method;         /* "GET" */
    const char *const *headers; /* "Name: value", then NULL; NULL: none */
    bool has_body;
    shoal_bytes body;
    uint64_t timeout_us;
    size_t max_body;     /* bytes kept of the answer's */
    const char *ca_file; /* of trusted certificates; NULL: the system's */
} host_http_request;

typedef struct host_http_response {
    int status;
    shoal_bytes headers; /* its lines; borrowed for the call, as the body */
    shoal_bytes body;
    bool truncated; /* there was more of the body */
} host_http_response;

/* Called once, in the loop: with a response, or with why there is none. */
typedef void host_http_fn(void *context, const host_http_response *response,
                          const char *error, bool timed_out);

/* Opens libcurl already now: that takes tens of milliseconds, or more if the
 * disk is slow. */
void host_http_open(void);
/* NULL and `error`: no such request can be made, and nobody is called. */
host_http *host_http_new(host *node, const host_http_request *request,
                         host_http_fn *fn, void *context, struct error *error);
/* Gives it up: nobody is called. */
void host_http_end(host_http *http);

#endif
