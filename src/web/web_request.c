/* SPDX-License-Identifier: MIT */
/*
 * A request: its line, its headers, its body, then it is handed up. The library
 * calls the handler for each of these, again when a request that waited is
 * resumed, and does what that last did with it: an answer, or none.
 */
#include "web_parts.h"

#include "../base/bytes.h"

#include <stdlib.h>
#include <string.h>

static struct web_peer *peer_of(web_server *server,
                                struct MHD_Connection *connection)
{
    const union mhd_info *info =
        server->api->get_connection_info(connection, MHD_INFO_CONTEXT);

    return info ? info->context : NULL;
}

/* ---- There and gone ---- */

void *web_on_uri(void *context, const char *uri,
                 struct MHD_Connection *connection)
{
    web_server *server = context;
    struct web_peer *peer = peer_of(server, connection);
    web_request *request =
        peer && !server->closed ? calloc(1, sizeof *request) : NULL;

    if (!request)
        return NULL;
    request->uri = strdup(uri);
    if (!request->uri) {
        free(request);
        return NULL;
    }
    request->peer = peer;
    peer->request = request;
    web_peer_enter(peer, WEB_ARRIVING);
    return request;
}

void web_on_completed(void *context, struct MHD_Connection *connection,
                      void **of_request, int how)
{
    web_server *server = context;
    web_request *request = *of_request;

    (void)connection, (void)how;
    if (!request)
        return;
    *of_request = NULL;
    if (request->delivered)
        server->callbacks.over(server->callbacks.context, request);
    request->peer->request = NULL;
    web_peer_enter(request->peer, WEB_IDLE);
    web_response_free(request->response);
    buffer_clear(&request->body);
    buffer_clear(&request->out);
    free(request->uri);
    free(request);
}

/* ---- Answers ---- */

static int queue(web_request *request, struct MHD_Connection *connection)
{
    const struct mhd_api *api = request->peer->server->api;
    int done = api->queue_response(connection, request->status,
                                   request->response->raw);

    web_response_free(request->response);
    request->response = NULL;
    web_peer_enter(request->peer, WEB_WRITING);
    return done;
}

/* What is refused here is not parsed further: the connection ends. */
static int refuse(web_request *request, struct MHD_Connection *connection,
                  unsigned status, const char *text)
{
    char body[200];
    size_t size = strlen(text);
    struct web_response *response;

    memcpy(body, text, size);
    body[size++] = '\n';
    response = web_response_new(bytes_of(body, size));
    if (!response)
        return MHD_NO;
    (void)web_response_header(response, "Content-Type", "text/plain");
    (void)web_response_header(response, "Connection", "close");
    if (status == 401)
        (void)web_response_header(response, "WWW-Authenticate", "Bearer");
    request->answered = true;
    request->status = status;
    request->response = response;
    return queue(request, connection);
}

void web_resume(web_request *request)
{
    if (!request->suspended)
        return;
    request->suspended = false;
    request->peer->server->api->resume_connection(request->peer->connection);
    web_run_soon(request->peer->server);
}

bool web_respond(web_request *request, unsigned status,
                 struct web_response *response)
{
    if (request->answered || request->failed) {
        web_response_free(response);
        return false;
    }
    request->answered = true;
    request->is_stream = response->is_stream;
    request->status = status;
    request->response = response;
    web_resume(request);
    return true;
}

void web_drop(web_request *request)
{
    if (!request->answered || (request->is_stream && !request->finished))
        web_peer_cut(request->peer);
}

/* ---- The handler ---- */

static int wait_for_answer(web_request *request)
{
    request->suspended = true;
    request->peer->server->api->suspend_connection(request->peer->connection);
    return MHD_YES;
}

static int deliver(web_server *server, web_request *request,
                   struct MHD_Connection *connection)
{
    if (!request->delivered) {
        request->delivered = true;
        server->stats.requests++;
        web_peer_enter(request->peer, WEB_WAITING);
        server->callbacks.request(server->callbacks.context, request);
    }
    if (request->failed)
        return MHD_NO;
    return request->response ? queue(request, connection)
                             : wait_for_answer(request);
}

static int begin(web_request *request, struct MHD_Connection *connection,
                 const char *method, const char *version)
{
    unsigned status;
    const char *wrong;

    request->begun = true;
    request->method = method;
    wrong = web_check(request, version, &status);
    return wrong ? refuse(request, connection, status, wrong) : MHD_YES;
}

int web_on_handler(void *context, struct MHD_Connection *connection,
                   const char *url, const char *method, const char *version,
                   const char *upload, size_t *upload_size, void **of_request)
{
    web_request *request = *of_request;

    (void)url;
    if (!request || request->failed)
        return MHD_NO;
    if (!request->begun)
        return begin(request, connection, method, version);
    if (*upload_size > 0) {
        request->too_long |= !buffer_add(
            &request->body, bytes_of(upload, *upload_size), WEB_MAX_BODY);
        *upload_size = 0;
        return MHD_YES;
    }
    if (request->too_long && !request->answered)
        return refuse(request, connection, 413, "the body is too long");
    return deliver(context, request, connection);
}

/* ---- What it says ---- */

const char *web_method(const web_request *request)
{
    return request->method;
}

const char *web_uri(const web_request *request)
{
    return request->uri;
}

shoal_bytes web_body(const web_request *request)
{
    return buffer_bytes(&request->body);
}

void web_set_tag(web_request *request, void *tag)
{
    request->tag = tag;
}

void *web_tag(const web_request *request)
{
    return request->tag;
}
