/* SPDX-License-Identifier: MIT */
/* Datagrams in: from the socket, out of their envelope, into the engine. */
#include "node.h"

#include <errno.h>

enum {
    /* Datagrams handled in one wakeup before timers and others have a turn. */
    DATAGRAMS_PER_WAKEUP = 1024,
    /* Before a tick the socket is emptied, so that an ack which waits in it
     * counts; but a flood must not put the tick off for ever. */
    DATAGRAMS_BEFORE_TICK = 16 * 1024
};

/* false: it was dropped, and counted here or by the engine. */
static bool accept_datagram(host *node, uint64_t now_us, int i)
{
    shoal_bytes packet, datagram;
    bool truncated;

    datagram = udp_datagram(&node->inbox, i, &truncated);
    node->stats.bytes_received += datagram.size;
    if (truncated) {
        node->stats.truncated++;
        return false;
    }
    if (!envelope_open(&node->envelope, datagram, &packet)) {
        node->stats.foreign_cluster++;
        return false;
    }
    return shoal_receive(node->engine, now_us, packet) == 0;
}

/* max_packet_size may have been changed; without memory for more, larger
 * packets go on being truncated. */
bool intake_fit(host *node)
{
    size_t room = shoal_get_config(node->engine)->max_packet_size;

    return udp_inbox_reserve(&node->inbox, room + ENVELOPE_MAX);
}

/* Handles one batch and its effects, so that one system call sends the replies
 * to all that one received: how many datagrams, 0 when nothing waits. */
static int receive_batch(host *node)
{
    int count = udp_receive(&node->udp, &node->inbox), i;
    uint64_t now_us;

    if (count < 0) {
        /* of an earlier send, perhaps: what waits behind it is fine, so this
         * counts like a batch */
        node->stats.receive_errors++;
        narrate_receive_error(node, errno);
        return UDP_BATCH;
    }
    node->stats.datagrams_received += (uint64_t)count;
    now_us = host_now(node);
    for (i = 0; i < count; i++)
        if (!accept_datagram(node, now_us, i))
            node->dropped = true;
    drain_effects(node);
    return count;
}

/* The socket was readable. A batch that is not full emptied it. */
void intake_waiting(host *node)
{
    int total, count = UDP_BATCH;

    (void)intake_fit(node);
    for (total = 0;
         total < DATAGRAMS_PER_WAKEUP && count == UDP_BATCH && !node->closing;
         total += count)
        count = receive_batch(node);
}

/* Until it is certain that nothing waits. */
void intake_all(host *node)
{
    int total = 0, count;

    (void)intake_fit(node);
    while (total < DATAGRAMS_BEFORE_TICK && !node->closing &&
           (count = receive_batch(node)) > 0)
        total += count;
}
