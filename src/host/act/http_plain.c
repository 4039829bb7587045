/* SPDX-License-Identifier: MIT */
/*
 * Without libcurl: HTTP/1.0, so that a response has no chunks; each request has
 * a connection of its own.
 */
#include "http_parts.h"

#include "../../base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- The request ---- */

static bool add_text(struct http_buffer *buffer, const char *text)
{
    return http_buffer_add(buffer, text, strlen(text));
}

static bool write_head(host_http *http, const host_http_request *request)
{
    const struct http_url *url = &http->url;
    size_t path = strcspn(url->path, "#");
    char rest[ADDRESS_MAX_HOST + 64];
    if (url->port == 80)
        snprintf(rest, sizeof rest, " HTTP/1.0\r\nHost: %s\r\n", url->host);
    else
        snprintf(rest, sizeof rest, " HTTP/1.0\r\nHost: %s:%u\r\n", url->host,
                 (unsigned)url->port);
    return add_text(&http->out, request->method) && add_text(&http->out, " ") &&
           (*url->path == '/' || add_text(&http->out, "/")) &&
           http_buffer_add(&http->out, url->path, path) &&
           add_text(&http->out, rest);
}

static bool write_rest(host_http *http, const host_http_request *request)
{
    char length[64];
    for (const char *const *line = request->headers; line && *line; line++) {
        if (!add_text(&http->out, *line) || !add_text(&http->out, "\r\n"))
            return false;
    }
    snprintf(length, sizeof length, "Content-Length: %zu\r\n",
             request->body.size);
    return (!request->has_body || add_text(&http->out, length)) &&
           add_text(&http->out, "Accept: */*\r\n\r\n") &&
           http_buffer_add(&http->out, request->body.data, request->body.size);
}

/* ---- The response ---- */

static int status_of(const host_http *http)
{
    char line[32];
    int minor, status;
    size_t size = http->headers.size < sizeof line - 1 ? http->headers.size
                                                       : sizeof line - 1;
    memcpy(line, http->headers.bytes ? (const char *)http->headers.bytes : "",
           size);
    line[size] = '\0';
    return sscanf(line, "HTTP/1.%d %d", &minor, &status) == 2 ? status : 0;
}

/* Of what came the head ends there; 0: it is not complete. */
static size_t head_size(const struct http_buffer *head)
{
    for (size_t i = 0; i + 1 < head->size; i++) {
        if (head->bytes[i] != '\n')
            continue;
        if (head->bytes[i + 1] == '\n')
            return i + 2;
        if (i + 2 < head->size && head->bytes[i + 1] == '\r' &&
            head->bytes[i + 2] == '\n')
            return i + 3;
    }
    return 0;
}

static size_t announced_length(const struct http_buffer *head)
{
    static const char name[] = "\ncontent-length:";
    size_t length = sizeof name - 1;
    for (size_t i = 0; i + length < head->size; i++) {
        if (strncasecmp((const char *)head->bytes + i, name, length) == 0)
            return (size_t)strtoul((const char *)head->bytes + i + length, NULL,
                                   10);
    }
    return SIZE_MAX;
}

static bool has_body(const host_http *http)
{
    int status = status_of(http);
    return !http->is_head && status != 204 && status != 304;
}

static void finish(host_http *http, const char *error)
{
    int status = error ? 0 : status_of(http);
    if (!error && !http->in_body)
        error = "the connection ended before the response";
    else if (!error && status == 0)
        error = "it did not answer with HTTP";
    http_finish(http, status, error, false);
}

/* Are all bytes of the body there that were announced? */
static bool add_to_body(host_http *http, const uint8_t *bytes, size_t size,
                        bool *failed)
{
    if (size > http->length)
        size = http->length;
    if (http->length != SIZE_MAX)
        http->length -= size;
    *failed = !http_add_body(http, bytes, size);
    return http->length == 0;
}

static void on_received(void *context, shoal_bytes bytes)
{
    host_http *http = context;
    struct http_buffer *head = &http->headers;
    bool failed = false, complete = false;
    if (http->in_body) {
        complete = add_to_body(http, bytes.data, bytes.size, &failed);
    } else if (head->size + bytes.size > 128 * 1024 ||
               !http_buffer_add(head, bytes.data, bytes.size)) {
        failed = true;
    } else if (head_size(head) > 0) {
        size_t size = head_size(head), rest = head->size - size;
        head->bytes[head->size] = '\0'; /* there is room for it */
        head->size = size;
        http->in_body = true;
        http->length = has_body(http) ? announced_length(head) : 0;
        complete = add_to_body(http, head->bytes + size, rest, &failed);
    }
    if (failed)
        finish(http, "the response is too large");
    else if (complete)
        finish(http, NULL);
}

static void on_ended(void *context, const char *error)
{
    host_http *http = context;
    bool cut_off = http->in_body && http->length != SIZE_MAX;
    finish(http, error     ? error
                 : cut_off ? "the connection ended within the response"
                           : NULL);
}

static void on_sent(void *context)
{
    const host_http *http = context;
    host_connection_want(http->connection, true);
}

static void on_opened(void *context, const char *error)
{
    host_http *http = context;
    if (error)
        finish(http, error);
    else if (!host_connection_write(http->connection,
                                    bytes_of(http->out.bytes, http->out.size)))
        finish(http, "out of memory");
}

int http_plain_begin(host_http *http, const host_http_request *request,
                     struct error *error)
{
    const host_connection_events events = {.context = http,
                                           .opened = on_opened,
                                           .received = on_received,
                                           .ended = on_ended,
                                           .sent = on_sent};
    char endpoint[ADDRESS_MAX_ENDPOINT + 8];
    http->is_head = strcmp(request->method, "HEAD") == 0;
    if (!write_head(http, request) || !write_rest(http, request))
        return error_fail(error, "out of memory");
    snprintf(endpoint, sizeof endpoint, "%s:%u", http->url.host,
             (unsigned)http->url.port);
    http->connection =
        host_connection_new(http->http->node, endpoint, &events, error);
    return http->connection ? 0 : -1;
}

void http_plain_clear(host_http *http)
{
    if (http->connection)
        host_connection_close(http->connection);
    http->connection = NULL;
}
