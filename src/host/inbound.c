/* SPDX-License-Identifier: MIT */
/* Datagrams in: from the socket, out of their envelope, into the engine. */
#include "node.h"

#include <errno.h>
#include <stdlib.h>

enum {
    /* Datagrams handled in one wakeup before timers and others have a turn. */
    DATAGRAMS_PER_WAKEUP = 1024,
    /* Before a tick the socket is emptied, so that an ack which waits in it
     * counts; but a flood must not put the tick off for ever. */
    DATAGRAMS_BEFORE_TICK = 16 * 1024
};

/* What cannot be accepted is counted, here or by the engine. `from` NULL: that
 * is not known any more. */
static void accept_datagram(host *node, uint64_t now_us, shoal_bytes datagram,
                            bool truncated, const struct address *from)
{
    shoal_bytes packet;

    node->stats.datagrams_received++;
    node->stats.bytes_received += datagram.size;
    if (truncated) {
        node->stats.truncated++;
        node->dropped = true;
    } else if (!envelope_open(&node->envelope, datagram, &packet)) {
        node->stats.foreign_cluster++;
        node->dropped = true;
    } else if (!rival_came_back(node, packet)) {
        int error;

        path_heard(node, packet);
        error = shoal_receive(node->engine, now_us, packet);
        if (error) {
            node->dropped = true;
            log_node_refused(node, error);
            if (error == SHOAL_ERR_FROM_OURSELVES && from)
                rival_heard(node, packet, from);
        }
    }
}

/* max_packet_size may have been changed; without memory for more, larger
 * packets go on being truncated. */
bool inbound_fit(host *node)
{
    size_t room = shoal_get_config(node->engine)->max_packet_size;

    return udp_inbox_reserve(&node->inbox, room + ENVELOPE_MAX);
}

/* What the deputy took out of the socket is older than what is in there now.
 * false: there is none. */
static bool receive_kept(host *node)
{
    struct deputy_datagram *datagram;
    uint64_t now_us;
    int count = 0;

    if (!node->post.queue.first)
        return false;
    now_us = host_now(node);
    while (count++ < UDP_BATCH &&
           (datagram = deputy_queue_pop(&node->post.queue))) {
        accept_datagram(node, now_us,
                        (shoal_bytes){datagram->data, datagram->size},
                        datagram->truncated, NULL);
        free(datagram);
    }
    return true;
}

/* What the engine is about to get. */
static void look_ahead(const host *node, int count)
{
    shoal_bytes packets[UDP_BATCH], datagram;
    size_t found = 0;
    bool truncated;
    int i;

    for (i = 0; i < count; i++) {
        datagram = udp_datagram(&node->inbox, i, &truncated);
        if (!truncated &&
            envelope_open(&node->envelope, datagram, &packets[found]))
            found++;
    }
    shoal_look_ahead(node->engine, packets, found);
}

/* While a handler runs in the middle of it the deputy sees what is in the
 * batch (`batch`); it does not touch the buffers. */
static int receive_waiting(host *node)
{
    int count = udp_receive(&node->udp, &node->inbox), i;
    uint64_t now_us = host_now(node);
    const struct address *from;
    shoal_bytes datagram;
    bool truncated;

    node->batch = count > 0 ? count : 0;
    if (count > 1) /* one alone would wait for memory just the same */
        look_ahead(node, count);
    for (i = 0; i < count; i++) {
        datagram = udp_datagram(&node->inbox, i, &truncated);
        from = udp_sender(&node->inbox, i);
        endpoint_cache_heard(&node->endpoints, from);
        accept_datagram(node, now_us, datagram, truncated, from);
    }
    return count;
}

/* An error of an earlier send counts like a batch: what waits behind it is
 * fine. */
static int fail_to_receive(host *node, int number)
{
    node->stats.receive_errors++;
    log_node_receive_error(node, number);
    return recovery_read_failed(node, number) ? UDP_BATCH : -1;
}

/* Handles one batch and its effects, so that one system call sends the replies
 * to all that one received: how many datagrams, 0 when nothing waits, -1 when
 * nothing is to be had for now. */
static int receive_batch(host *node)
{
    int count = UDP_BATCH; /* the socket may have more */

    if (!receive_kept(node)) {
        count = receive_waiting(node);
        if (count < 0)
            return fail_to_receive(node, errno);
        recovery_read(node);
    }
    outbound_drain(node);
    node->batch = 0;
    return count;
}

/* The socket was readable. A batch that is not full emptied it. */
void inbound_waiting(host *node)
{
    int total, count = UDP_BATCH;

    (void)inbound_fit(node);
    for (total = 0;
         total < DATAGRAMS_PER_WAKEUP && count == UDP_BATCH && !node->closing;
         total += count)
        count = receive_batch(node);
}

/* Until it is certain that nothing waits. */
void inbound_all(host *node)
{
    int total = 0, count;

    (void)inbound_fit(node);
    while (total < DATAGRAMS_BEFORE_TICK && !node->closing &&
           (count = receive_batch(node)) > 0)
        total += count;
}
