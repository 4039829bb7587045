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

/* bytes of the head, of those before it, and of what came with it */
enum { MAX_BEGINNING = 128 * 1024 };

/* ---- The request ---- */

static bool add_text(struct buffer *buffer, const char *text)
{
    return buffer_add(buffer, bytes_of_text(text), SIZE_MAX);
}

static bool has_name(const char *line, const char *name)
{
    size_t size = strlen(name);
    return strncasecmp(line, name, size) == 0 && line[size] == ':';
}

/* As libcurl does: one of the script's takes the place of ours. */
static bool add_ours(host_http *http, const host_http_request *request,
                     const char *name, const char *value)
{
    for (const char *const *line = request->headers; line && *line; line++) {
        if (has_name(*line, name))
            return true;
    }
    return add_text(&http->out, name) && add_text(&http->out, ": ") &&
           add_text(&http->out, value) && add_text(&http->out, "\r\n");
}

/* As libcurl does: without a value it is not sent. */
static bool add_theirs(host_http *http, const char *line)
{
    const char *value = strchr(line, ':') + 1;
    if (value[strspn(value, " \t")] == '\0')
        return true;
    return add_text(&http->out, line) && add_text(&http->out, "\r\n");
}

static bool write_line(host_http *http, const host_http_request *request)
{
    const struct http_url *url = &http->url;
    size_t path = strcspn(url->path, "#");
    return add_text(&http->out, request->method) && add_text(&http->out, " ") &&
           (*url->path == '/' || add_text(&http->out, "/")) &&
           buffer_add(&http->out, bytes_of(url->path, path), SIZE_MAX) &&
           add_text(&http->out, " HTTP/1.0\r\n");
}

static bool write_headers(host_http *http, const host_http_request *request)
{
    const struct http_url *url = &http->url;
    char where[ADDRESS_MAX_HOST + 64], size[32];
    if (url->port == 80)
        snprintf(where, sizeof where, "%s", url->host);
    else
        snprintf(where, sizeof where, "%s:%u", url->host, (unsigned)url->port);
    snprintf(size, sizeof size, "%zu", request->body.size);
    if (!add_ours(http, request, "Host", where) ||
        !add_ours(http, request, "Accept", "*/*") ||
        (request->has_body && !add_ours(http, request, "Content-Length", size)))
        return false;
    for (const char *const *line = request->headers; line && *line; line++) {
        if (!add_theirs(http, *line))
            return false;
    }
    return true;
}

static bool write_request(host_http *http, const host_http_request *request)
{
    return write_line(http, request) && write_headers(http, request) &&
           add_text(&http->out, "\r\n") &&
           buffer_add(&http->out, request->body, SIZE_MAX);
}

/* ---- The response ---- */

static int status_of(const host_http *http)
{
    char line[32];
    int minor, status;
    shoal_bytes head = buffer_bytes(&http->headers);

    if (head.size >= sizeof line)
        head.size = sizeof line - 1;
    *bytes_copy((uint8_t *)line, head) = '\0';
    return sscanf(line, "HTTP/1.%d %d", &minor, &status) == 2 ? status : 0;
}

/* Of what came the head ends there; 0: it is not complete. */
static size_t head_size(shoal_bytes head)
{
    for (size_t i = 0; i + 1 < head.size; i++) {
        if (head.data[i] != '\n')
            continue;
        if (head.data[i + 1] == '\n')
            return i + 2;
        if (i + 2 < head.size && head.data[i + 1] == '\r' &&
            head.data[i + 2] == '\n')
            return i + 3;
    }
    return 0;
}

/* `head` is complete, so a line's end stops what reads a number. */
static size_t announced_length(shoal_bytes head)
{
    static const char name[] = "\ncontent-length:";
    const char *text = (const char *)head.data;
    size_t length = sizeof name - 1;
    for (size_t i = 0; i + length < head.size; i++) {
        if (strncasecmp(text + i, name, length) == 0)
            return (size_t)strtoul(text + i + length, NULL, 10);
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

/* "100 Continue" and such: the response comes behind it. But 101 is one. */
static bool is_interim(const host_http *http)
{
    int status = status_of(http);
    return status >= 100 && status < 200 && status != 101;
}

/* The size of the response's head; 0: it is not complete. */
static size_t find_head(host_http *http)
{
    size_t size;
    while ((size = head_size(buffer_bytes(&http->headers))) > 0 &&
           is_interim(http)) {
        buffer_take(&http->headers, size);
        http->skipped += size;
    }
    return size;
}

/* Of what has come, as add_to_body(). */
static bool end_head(host_http *http, bool *failed)
{
    size_t size = find_head(http);
    shoal_bytes all = buffer_bytes(&http->headers);

    if (size == 0)
        return false;
    buffer_cut(&http->headers, size); /* the rest stays where it is */
    http->in_body = true;
    http->length =
        has_body(http) ? announced_length(buffer_bytes(&http->headers)) : 0;
    return add_to_body(http, all.data + size, all.size - size, failed);
}

static void on_received(void *context, shoal_bytes bytes)
{
    host_http *http = context;
    bool failed = false, complete = false;
    if (http->in_body) {
        complete = add_to_body(http, bytes.data, bytes.size, &failed);
    } else if (!buffer_add(&http->headers, bytes,
                           MAX_BEGINNING - http->skipped)) {
        failed = true;
    } else {
        complete = end_head(http, &failed);
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
    else if (!host_connection_write(http->connection, buffer_bytes(&http->out)))
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
    if (!write_request(http, request))
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
