/* SPDX-License-Identifier: MIT */
#include "http.h"

#include "../../base/bytes.h"
#include "../../base/list.h"
#include "../node.h"
#include "http_parts.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_HEADERS = 64 * 1024 /* bytes of a response's head */ };

/* ---- What arrives ---- */

bool http_add_body(host_http *http, const void *bytes, size_t size)
{
    size_t room = http->max_body - buffer_size(&http->body);

    http->truncated = http->truncated || size > room;
    return buffer_add(&http->body, bytes_of(bytes, size < room ? size : room),
                      http->max_body);
}

/* Of answers before the last one ("100 Continue") nothing is kept. */
bool http_add_header(host_http *http, const void *bytes, size_t size)
{
    if (size > 5 && memcmp(bytes, "HTTP/", 5) == 0)
        buffer_cut(&http->headers, 0);
    return buffer_add(&http->headers, bytes_of(bytes, size), MAX_HEADERS);
}

/* ---- Its end ---- */

static void free_http(host_http *http)
{
    ev_timer_stop(http->http->node->loop, &http->limit);
    name_question_forget(http->lookup);
    if (http->http->curl)
        http_curl_clear(http);
    http_plain_clear(http);
    LIST_REMOVE(http);
    buffer_clear(&http->headers);
    buffer_clear(&http->body);
    buffer_clear(&http->out);
    free(http->text);
    free(http);
}

void http_finish(host_http *http, int status, const char *error, bool timed_out)
{
    const host_http_response response = {.status = status,
                                         .headers =
                                             buffer_bytes(&http->headers),
                                         .body = buffer_bytes(&http->body),
                                         .truncated = http->truncated};
    host_http_fn *fn = http->fn;
    http->fn = NULL;
    fn(http->context, error ? NULL : &response, error, timed_out);
    free_http(http);
}

void host_http_end(host_http *http)
{
    free_http(http);
}

static void on_limit(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host_http *http = watcher->data;
    host *node = http->http->node;
    (void)loop, (void)events;
    host_enter(node);
    http_finish(http, 0, "it took too long", true);
    host_leave(node);
}

/* ---- Its start ---- */

void host_http_open(void)
{
    (void)curl_api_open();
}

static struct http *start(host *node)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        return NULL;
    http->node = node;
    http->curl = curl_api_open();
    if (http->curl && !http_curl_start(http)) {
        free(http);
        return NULL;
    }
    return http;
}

static void end_requests(host *node)
{
    struct http *http = node->http;
    if (!http)
        return;
    while (http->requests)
        free_http(http->requests);
    if (http->curl)
        http_curl_stop(http);
    free(http);
    node->http = NULL;
}

static void on_found(void *context, const struct addresses *found,
                     const char *error)
{
    host_http *http = context;
    host *node = http->http->node;
    http->lookup = NULL;
    host_enter(node);
    if (!found)
        http_finish(http, 0, error, false);
    else if (http_curl_begin(http, found) != 0)
        http_finish(http, 0, "out of memory", false);
    host_leave(node);
}

static int begin_curl(host_http *http, const host_http_request *request,
                      struct error *error)
{
    if (http_curl_prepare(http, request, error) != 0)
        return -1;
    if (http->url.is_name)
        http->lookup = name_question_ask(http->http->node, http->url.host,
                                         http->url.port, on_found, http);
    if (http->lookup ||
        (!http->url.is_name && http_curl_begin(http, NULL) == 0))
        return 0;
    return error_fail(error, "out of memory");
}

static int begin(host_http *http, const host_http_request *request,
                 struct error *error)
{
    http->text = strdup(request->url);
    if (!http->text)
        return error_fail(error, "out of memory");
    if (http_url_parse(http->text, &http->url, error) != 0)
        return -1;
    if (http->http->curl)
        return begin_curl(http, request, error);
    if (http->url.tls)
        return error_fail(error, "https needs libcurl (libcurl.so.4), which "
                                 "cannot be opened");
    return http_plain_begin(http, request, error);
}

static void start_limit(host_http *http, uint64_t timeout_us)
{
    struct ev_loop *loop = http->http->node->loop;
    if (timeout_us == SHOAL_NEVER)
        return;
    ev_now_update(loop);
    ev_timer_set(&http->limit, (double)timeout_us / 1e6, 0.);
    ev_timer_start(loop, &http->limit);
}

host_http *host_http_new(host *node, const host_http_request *request,
                         host_http_fn *fn, void *context, struct error *error)
{
    host_http *http = NULL;
    node->end_acts[HOST_REQUESTS] = end_requests;
    if (node->http || (node->http = start(node)))
        http = calloc(1, sizeof *http);
    if (!http) {
        error_fail(error, "out of memory");
        return NULL;
    }
    http->http = node->http;
    http->fn = fn;
    http->context = context;
    http->max_body = request->max_body;
    ev_init(&http->limit, on_limit);
    http->limit.data = http;
    LIST_PUSH(node->http->requests, http);
    if (begin(http, request, error) != 0) {
        free_http(http);
        return NULL;
    }
    start_limit(http, request->timeout_us);
    return http;
}
