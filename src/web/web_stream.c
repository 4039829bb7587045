/* SPDX-License-Identifier: MIT */
/* Responses, and those that go on. */
#include "web_parts.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 /* bytes that the library asks a stream for at a time */ };

/* ---- Responses ---- */

/* The same for every server. */
static const struct mhd_api *api(void)
{
    return mhd_api_open();
}

static struct web_response *wrap(struct MHD_Response *raw, bool is_stream)
{
    struct web_response *response = raw ? malloc(sizeof *response) : NULL;

    if (response)
        *response = (struct web_response){raw, is_stream};
    else if (raw)
        api()->destroy_response(raw);
    return response;
}

struct web_response *web_response_new(shoal_bytes body)
{
    /* it is copied, so it is not written to */
    return wrap(api()->create_response_from_buffer(
                    body.size, (void *)(uintptr_t)body.data, MHD_MUST_COPY),
                false);
}

/* HEAD gets no body, and the library would write the end of one. */
struct web_response *web_response_of_stream(web_request *request)
{
    if (strcmp(request->method, "HEAD") == 0)
        return web_response_new((shoal_bytes){NULL, 0});
    return wrap(api()->create_response_from_callback(
                    MHD_UNKNOWN_SIZE, BLOCK, web_stream_read, request, NULL),
                true);
}

bool web_response_header(struct web_response *response, const char *name,
                         const char *value)
{
    return api()->add_response_header(response->raw, name, value) == MHD_YES;
}

void web_response_free(struct web_response *response)
{
    if (!response)
        return;
    api()->destroy_response(response->raw);
    free(response);
}

/* ---- Streams ---- */

ssize_t web_stream_read(void *context, uint64_t at, char *out, size_t room)
{
    web_request *request = context;
    shoal_bytes waiting = buffer_bytes(&request->out);
    size_t size = waiting.size < room ? waiting.size : room;

    (void)at;
    if (size == 0 && (request->finished || request->failed))
        return MHD_END_OF_STREAM;
    if (size == 0) {
        request->suspended = true;
        request->peer->server->api->suspend_connection(
            request->peer->connection);
        return 0;
    }
    memcpy(out, waiting.data, size);
    buffer_take(&request->out, size);
    web_peer_enter(request->peer, WEB_WRITING);
    return (ssize_t)size;
}

bool web_write(web_request *request, shoal_bytes bytes)
{
    if (!request->is_stream || request->finished || request->failed)
        return false;
    if (buffer_size(&request->out) == 0)
        web_peer_enter(request->peer, request->peer->phase); /* from now on */
    if (!buffer_add(&request->out, bytes, WEB_MAX_BACKLOG)) {
        request->peer->server->stats.cut_off++;
        web_peer_cut(request->peer);
        return false;
    }
    web_resume(request);
    return true;
}

size_t web_waiting(const web_request *request)
{
    return buffer_size(&request->out);
}

void web_finish(web_request *request)
{
    if (!request->is_stream)
        return;
    if (buffer_size(&request->out) == 0) /* it has time for the end of it */
        web_peer_enter(request->peer, request->peer->phase);
    request->finished = true;
    web_resume(request);
}
