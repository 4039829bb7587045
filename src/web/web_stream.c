/* SPDX-License-Identifier: MIT */
/* Responses, and those that go on. */
#include "web_parts.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 /* bytes that the library asks a stream for at a time */ };

/* ---- Bytes that wait ---- */

static bool grow(struct web_backlog *backlog, size_t needed)
{
    size_t room = backlog->room ? backlog->room : 1024;
    uint8_t *bytes;

    while (room < needed)
        room *= 2;
    bytes = realloc(backlog->bytes, room);
    if (!bytes)
        return false;
    backlog->bytes = bytes;
    backlog->room = room;
    return true;
}

static void move_up(struct web_backlog *backlog)
{
    size_t waiting = backlog->end - backlog->begin;

    if (backlog->begin > 0 && waiting > 0)
        memmove(backlog->bytes, backlog->bytes + backlog->begin, waiting);
    backlog->begin = 0;
    backlog->end = waiting;
}

bool web_backlog_add(struct web_backlog *backlog, shoal_bytes bytes,
                     size_t most)
{
    if (bytes.size > most - (backlog->end - backlog->begin))
        return false;
    if (backlog->end + bytes.size > backlog->room)
        move_up(backlog);
    if (backlog->end + bytes.size > backlog->room &&
        !grow(backlog, backlog->end + bytes.size))
        return false;
    if (bytes.size > 0)
        memcpy(backlog->bytes + backlog->end, bytes.data, bytes.size);
    backlog->end += bytes.size;
    return true;
}

void web_backlog_clear(struct web_backlog *backlog)
{
    free(backlog->bytes);
    memset(backlog, 0, sizeof *backlog);
}

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

struct web_response *web_response_of_stream(web_request *request)
{
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
    struct web_backlog *backlog = &request->out;
    size_t waiting = backlog->end - backlog->begin;
    size_t size = waiting < room ? waiting : room;

    (void)at;
    if (size == 0 && (request->finished || request->failed))
        return MHD_END_OF_STREAM;
    if (size == 0) {
        request->suspended = true;
        request->peer->server->api->suspend_connection(
            request->peer->connection);
        return 0;
    }
    memcpy(out, backlog->bytes + backlog->begin, size);
    backlog->begin += size;
    web_peer_enter(request->peer, WEB_WRITING);
    return (ssize_t)size;
}

bool web_write(web_request *request, shoal_bytes bytes)
{
    if (!request->is_stream || request->finished || request->failed)
        return false;
    if (request->out.begin == request->out.end)
        web_peer_enter(request->peer, request->peer->phase); /* from now on */
    if (!web_backlog_add(&request->out, bytes, WEB_MAX_BACKLOG)) {
        request->peer->server->stats.cut_off++;
        web_peer_cut(request->peer);
        return false;
    }
    web_resume(request);
    return true;
}

size_t web_waiting(const web_request *request)
{
    return request->out.end - request->out.begin;
}

void web_finish(web_request *request)
{
    if (!request->is_stream)
        return;
    request->finished = true;
    web_resume(request);
}
