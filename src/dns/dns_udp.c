/* SPDX-License-Identifier: MIT */
/* What comes by UDP: a batch in a turn of the loop. */
#include "dns_parts.h"

#include "../base/bytes.h"
#include "../host/loop_check.h"

size_t dns_answer(struct dns_server *server, shoal_bytes query, bool is_stream,
                  uint8_t *out, size_t room)
{
    size_t size = answer_query(&server->zone, query, is_stream, out, room);

    server->stats.queries++;
    if (size == 0)
        return 0;
    server->stats.answers++;
    server->stats.truncated += (bytes_u16be(out + 2) & DNS_TC) != 0;
    return size;
}

static void answer_datagram(struct dns_server *server, int i)
{
    const struct address *from = udp_sender(&server->inbox, i);
    uint8_t out[QUERY_LARGEST];
    bool truncated;
    shoal_bytes query = udp_datagram(&server->inbox, i, &truncated);
    size_t size;

    if (truncated || address_port(from) == 0)
        return;
    size = dns_answer(server, query, false, out, sizeof out);
    if (size > 0)
        (void)udp_outbox_reply(&server->outbox, &server->inbox, i,
                               (shoal_bytes){out, size});
}

static void on_failed(void *context, const struct address *to, int number)
{
    struct dns_server *server = context;

    (void)to, (void)number;
    server->stats.failed++;
}

/* One batch. If there is more, the loop calls again after its other watchers.
 */
static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct dns_server *server = watcher->data;
    int count, i;

    if (events & EV_ERROR) {
        loop_watch_again(loop, watcher);
        return;
    }
    count = udp_receive(&server->udp, &server->inbox);
    if (count <= 0)
        return;
    if (server->refresh)
        server->refresh(server->context);
    for (i = 0; i < count; i++)
        answer_datagram(server, i);
    (void)udp_flush(&server->udp, &server->outbox, on_failed, server);
}

void dns_udp_start(struct dns_server *server)
{
    ev_io_init(&server->readable, on_readable, server->udp.fd, EV_READ);
    ev_set_priority(&server->readable, DNS_PRIORITY);
    server->readable.data = server;
    ev_io_start(server->loop, &server->readable);
}

void dns_udp_stop(struct dns_server *server)
{
    ev_io_stop(server->loop, &server->readable);
}
