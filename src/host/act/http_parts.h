/* SPDX-License-Identifier: MIT */
/*
 * What requests are made of; for the files of http only.
 *
 *   http.c        requests of a node, and how they end
 *   http_curl.c   libcurl in the loop
 *   http_plain.c  without libcurl
 */
#ifndef SHOAL_HOST_ACT_HTTP_PARTS_H
#define SHOAL_HOST_ACT_HTTP_PARTS_H

#include "../../base/buffer.h"
#include "connection.h"
#include "curl_api.h"
#include "http.h"
#include "http_url.h"
#include "name_question.h"

/* The requests of one node. */
struct http {
    host *node;
    const struct curl_api *curl; /* NULL: there is none */
    void *multi;
    ev_timer timer; /* libcurl's */
    host_http *requests;
};

struct host_http {
    host_http *next, **place; /* in the list of the node */
    struct http *http;
    host_http_fn *fn;
    void *context;
    struct buffer headers, body;
    size_t max_body;
    bool truncated;
    struct http_url url;
    char *text; /* the URL */
    struct name_question *lookup;
    /* libcurl's. */
    void *easy, *lines, *resolve;
    char error[CURL_ERROR_SIZE];
    /* The plain way's. */
    host_connection *connection;
    struct buffer out; /* the request */
    ev_timer limit;
    size_t length;  /* of the body, as was announced; SIZE_MAX: it was not */
    size_t skipped; /* bytes of heads before that of the response */
    bool is_head, in_body;
};

/* It is over: tells, and frees it. Between host_enter() and host_leave(). */
void http_finish(host_http *http, int status, const char *error,
                 bool timed_out);

/* As much of the body as is kept. false: no memory. */
bool http_add_body(host_http *http, const void *bytes, size_t size);
/* A line of the response's head; a status line forgets those before. */
bool http_add_header(host_http *http, const void *bytes, size_t size);

/* ---- http_curl.c ---- */

/* false: no memory. */
bool http_curl_start(struct http *http);
/* 0, or -1 and `error`. */
int http_curl_prepare(host_http *http, const host_http_request *request,
                      struct error *error);
/* Its addresses are known (NULL: they were in the URL). */
int http_curl_begin(host_http *http, const struct addresses *addresses);
void http_curl_clear(host_http *http);
void http_curl_stop(struct http *http);

/* ---- http_plain.c ---- */

int http_plain_begin(host_http *http, const host_http_request *request,
                     struct error *error);
void http_plain_clear(host_http *http);

#endif
