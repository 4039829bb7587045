/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi interface in the loop: it says which sockets to watch and
 * when to be called again. One multi handle for each node keeps its
 * connections, and what it has made of the certificates of the system: reading
 * those takes some ten milliseconds, each time if there is a folder of them
 * (CURL_CAPATH), and once otherwise.
 */
#include "../node.h"
#include "http_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_CONNECTIONS = 16 /* kept open for later requests */ };

struct http_socket {
    ev_io watcher;
    struct http *http;
};

/* ---- Its callbacks ---- */

static size_t on_body(char *bytes, size_t one, size_t size, void *context)
{
    (void)one;
    return http_add_body(context, bytes, size) ? size : 0;
}

static size_t on_header(char *bytes, size_t one, size_t size, void *context)
{
    (void)one;
    return http_add_header(context, bytes, size) ? size : 0;
}

/* Those that are done: their functions may begin others, and end any. */
static void finish_done(struct http *http)
{
    const struct curl_api *curl = http->curl;
    struct curl_message *message;
    int left;
    while ((message = curl->multi_info_read(http->multi, &left))) {
        if (message->kind != CURL_DONE)
            continue;
        int result = message->data.result;
        host_http *request = NULL;
        long status = 0;
        curl->easy_getinfo(message->easy, CURL_INFO_PRIVATE, &request);
        curl->easy_getinfo(message->easy, CURL_INFO_RESPONSE_CODE, &status);
        const char *error = request->error[0] != '\0'
                                ? request->error
                                : curl->easy_strerror(result);
        http_finish(request, (int)status, result == 0 ? NULL : error,
                    result == CURL_TIMED_OUT);
    }
}

static void act(struct http *http, int fd, int events)
{
    host *node = http->node;
    int running;
    host_enter(node);
    http->curl->multi_socket_action(http->multi, fd, events, &running);
    finish_done(http);
    host_leave(node);
}

static void on_socket(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct http_socket *socket = watcher->data;
    (void)loop;
    act(socket->http, watcher->fd,
        (events & EV_READ ? CURL_IN : 0) | (events & EV_WRITE ? CURL_OUT : 0) |
            (events & EV_ERROR ? CURL_ERR : 0));
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    act(watcher->data, CURL_NO_SOCKET, 0);
}

static int watch_socket(void *easy, int fd, int what, void *context,
                        void *known)
{
    struct http *http = context;
    struct ev_loop *loop = http->node->loop;
    struct http_socket *socket = known;
    (void)easy;
    if (socket)
        ev_io_stop(loop, &socket->watcher);
    if (what == CURL_REMOVE) {
        http->curl->multi_assign(http->multi, fd, NULL);
        free(socket);
        return 0;
    }
    if (!socket && !(socket = calloc(1, sizeof *socket)))
        return -1;
    socket->http = http;
    ev_io_init(&socket->watcher, on_socket, fd,
               (what & CURL_IN ? EV_READ : 0) |
                   (what & CURL_OUT ? EV_WRITE : 0));
    socket->watcher.data = socket;
    ev_io_start(loop, &socket->watcher);
    http->curl->multi_assign(http->multi, fd, socket);
    return 0;
}

static int set_timer(void *multi, long ms, void *context)
{
    struct http *http = context;
    (void)multi;
    ev_timer_stop(http->node->loop, &http->timer);
    if (ms < 0)
        return 0;
    ev_now_update(http->node->loop);
    ev_timer_set(&http->timer, (double)ms / 1e3, 0.);
    ev_timer_start(http->node->loop, &http->timer);
    return 0;
}

/* ---- Its life ---- */

bool http_curl_start(struct http *http)
{
    const struct curl_api *curl = http->curl;
    ev_init(&http->timer, on_timer);
    http->timer.data = http;
    http->multi = curl->multi_init();
    if (!http->multi)
        return false;
    curl->multi_setopt(http->multi, CURL_SOCKETFUNCTION, watch_socket);
    curl->multi_setopt(http->multi, CURL_SOCKETDATA, http);
    curl->multi_setopt(http->multi, CURL_TIMERFUNCTION, set_timer);
    curl->multi_setopt(http->multi, CURL_TIMERDATA, http);
    curl->multi_setopt(http->multi, CURL_MAXCONNECTS, (long)MAX_CONNECTIONS);
    return true;
}

void http_curl_stop(struct http *http)
{
    http->curl->multi_cleanup(http->multi);
    ev_timer_stop(http->node->loop, &http->timer);
}

void http_curl_clear(host_http *http)
{
    const struct curl_api *curl = http->http->curl;
    if (http->easy) {
        curl->multi_remove_handle(http->http->multi, http->easy);
        curl->easy_cleanup(http->easy);
    }
    http->easy = NULL;
    curl->slist_free_all(http->lines);
    curl->slist_free_all(http->resolve);
    http->lines = http->resolve = NULL;
}

/* ---- A request ---- */

static bool add_line(host_http *http, const char *line)
{
    void *more = http->http->curl->slist_append(http->lines, line);
    if (!more)
        return false;
    http->lines = more;
    return true;
}

/* Without what libcurl adds by itself to a body: that it is a form, and a
 * question whether to send it. */
static bool set_lines(host_http *http, const host_http_request *request)
{
    bool has_type = false;
    for (const char *const *line = request->headers; line && *line; line++) {
        has_type = has_type || strncasecmp(*line, "content-type:", 13) == 0;
        if (!add_line(http, *line))
            return false;
    }
    if (!add_line(http, "Expect:") ||
        (!has_type && !add_line(http, "Content-Type:")))
        return false;
    http->http->curl->easy_setopt(http->easy, CURL_HTTPHEADER, http->lines);
    return true;
}

static int set_body(const host_http *http, const host_http_request *request)
{
    const struct curl_api *curl = http->http->curl;
    if (!request->has_body)
        return 0;
    curl->easy_setopt(http->easy, CURL_POSTFIELDSIZE_LARGE,
                      (long long)request->body.size);
    return curl->easy_setopt(http->easy, CURL_COPYPOSTFIELDS,
                             request->body.data);
}

int http_curl_prepare(host_http *http, const host_http_request *request,
                      struct error *error)
{
    const struct curl_api *curl = http->http->curl;
    void *easy = http->easy = curl->easy_init();
    if (!easy || curl->easy_setopt(easy, CURL_URL, http->text) != 0 ||
        set_body(http, request) != 0 ||
        curl->easy_setopt(easy, CURL_CUSTOMREQUEST, request->method) != 0 ||
        !set_lines(http, request))
        return error_fail(error, "out of memory");
    if (strcmp(request->method, "HEAD") == 0)
        curl->easy_setopt(easy, CURL_NOBODY, 1L);
    curl->easy_setopt(easy, CURL_NOSIGNAL, 1L);
    curl->easy_setopt(easy, CURL_PROXY, "");
    curl->easy_setopt(easy, CURL_PROTOCOLS, (long)CURL_PROTOCOLS_HTTP);
    curl->easy_setopt(easy, CURL_CAPATH, NULL);
    if (request->ca_file)
        curl->easy_setopt(easy, CURL_CAINFO, request->ca_file);
    curl->easy_setopt(easy, CURL_ERRORBUFFER, http->error);
    curl->easy_setopt(easy, CURL_PRIVATE, http);
    curl->easy_setopt(easy, CURL_WRITEFUNCTION, on_body);
    curl->easy_setopt(easy, CURL_WRITEDATA, http);
    curl->easy_setopt(easy, CURL_HEADERFUNCTION, on_header);
    curl->easy_setopt(easy, CURL_HEADERDATA, http);
    return 0;
}

/* "host:port:address,address". false: no memory. */
static bool set_addresses(host_http *http, const struct addresses *addresses)
{
    char line[2048];
    int size = snprintf(line, sizeof line, "%s:%u:", http->url.host,
                        (unsigned)http->url.port);
    for (size_t i = 0; i < addresses->count && size + 100 < (int)sizeof line;
         i++) {
        char text[ADDRESS_MAX_ENDPOINT];
        struct address plain = address_plain(&addresses->list[i]);
        address_format(&plain, text);
        *strrchr(text, ':') = '\0'; /* the port */
        size += snprintf(line + size, sizeof line - (size_t)size, "%s%s",
                         i > 0 ? "," : "", text);
    }
    http->resolve = http->http->curl->slist_append(NULL, line);
    return http->resolve != NULL;
}

int http_curl_begin(host_http *http, const struct addresses *addresses)
{
    const struct curl_api *curl = http->http->curl;
    if (addresses) {
        if (!set_addresses(http, addresses))
            return -1;
        curl->easy_setopt(http->easy, CURL_RESOLVE, http->resolve);
    }
    return curl->multi_add_handle(http->http->multi, http->easy) == 0 ? 0 : -1;
}
