/* SPDX-License-Identifier: MIT */
/* Connections: how long they may take, and who has to go. */
#include "web_parts.h"

#include "../base/clock.h"
#include "../base/list.h"

#include <poll.h>
#include <stdlib.h>

enum { GRACE_US = 500 * 1000 /* until bytes that came were read */ };

/* ---- There and gone ---- */

static void begin(web_server *server, struct MHD_Connection *connection,
                  void **of_connection)
{
    const struct mhd_api *api = server->api;
    int fd = api->get_connection_info(connection, MHD_INFO_FD)->fd;
    struct web_peer *peer = calloc(1, sizeof *peer);

    if (!peer) {
        (void)shutdown(fd, SHUT_RDWR);
        return;
    }
    peer->server = server;
    peer->connection = connection;
    peer->fd = fd;
    peer->address = server->next_address;
    peer->since_us = clock_monotonic_us();
    LIST_PUSH(server->peers, peer);
    server->num_peers++;
    *of_connection = peer;
}

static void end(struct web_peer *peer)
{
    LIST_REMOVE(peer);
    peer->server->num_peers--;
    free(peer);
}

void web_on_connection(void *context, struct MHD_Connection *connection,
                       void **of_connection, int what)
{
    if (what != MHD_CONNECTION_CLOSED)
        begin(context, connection, of_connection);
    else if (*of_connection)
        end(*of_connection);
}

void web_peer_enter(struct web_peer *peer, enum web_phase phase)
{
    peer->phase = phase;
    peer->since_us = clock_monotonic_us();
}

void web_peer_cut(struct web_peer *peer)
{
    if (!peer->is_shut)
        (void)shutdown(peer->fd, SHUT_RDWR);
    peer->is_shut = true;
    if (!peer->request)
        return;
    peer->request->failed = true;
    web_resume(peer->request);
}

/* ---- Who has to go ---- */

static bool is_late(const struct web_peer *peer, uint64_t now_us)
{
    const uint64_t *limits = peer->server->limits_us;
    const web_request *request = peer->request;

    if (request && request->is_stream && !request->finished &&
        buffer_size(&request->out) == 0)
        return false; /* it has read all there is, as far as we can see */
    return now_us - peer->since_us >= limits[peer->phase];
}

/* The library does not look at the sockets of those that wait, and does not see
 * that those have gone whose last bytes came together with the end. */
static bool is_gone(const struct web_peer *peer, uint64_t now_us)
{
    struct pollfd ask = {peer->fd, POLLRDHUP, 0};
    bool is_suspended = peer->request && peer->request->suspended;

    if (!is_suspended &&
        (peer->phase >= WEB_WAITING || now_us - peer->since_us < GRACE_US))
        return false;
    return poll(&ask, 1, 0) == 1;
}

void web_peers_check(web_server *server)
{
    uint64_t now_us = clock_monotonic_us();
    struct web_peer *peer;

    for (peer = server->peers; peer; peer = peer->next) {
        bool late = !peer->is_shut && is_late(peer, now_us);

        server->stats.cut_off += late;
        if (late || (!peer->is_shut && is_gone(peer, now_us)))
            web_peer_cut(peer);
    }
}

bool web_peers_make_room(web_server *server)
{
    struct web_peer *peer, *oldest = NULL;

    for (peer = server->peers; peer; peer = peer->next)
        if (peer->phase < WEB_WAITING && !peer->is_shut &&
            (!oldest || peer->since_us < oldest->since_us))
            oldest = peer;
    if (!oldest)
        return false;
    server->stats.cut_off++;
    web_peer_cut(oldest);
    (void)server->api->run(server->daemon); /* which closes it */
    return server->num_peers < WEB_MAX_CONNECTIONS;
}

unsigned web_peers_of(const web_server *server, const struct address *address)
{
    const struct web_peer *peer;
    unsigned count = 0;

    for (peer = server->peers; peer; peer = peer->next)
        count += peer->address.size > 0 &&
                 address_equal_host(&peer->address, address);
    return count;
}
