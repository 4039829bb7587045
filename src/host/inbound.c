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

static void count_drop(host *node, arrival_fate fate,
                       const struct address *from)
{
    host_stats *stats = &node->stats;

    switch (fate) {
    case ARRIVAL_PACKET:
    case ARRIVAL_PROVEN:
    case ARRIVAL_TAKEN:
        return;
    case ARRIVAL_TRUNCATED:
        stats->truncated++;
        break;
    case ARRIVAL_FOREIGN_CLUSTER:
        stats->foreign_cluster++;
        break;
    case ARRIVAL_NOT_ALLOWED:
        stats->not_allowed++;
        log_node_not_allowed(node, from);
        break;
    case ARRIVAL_FOREIGN_KEY:
        stats->foreign_key++;
        log_node_foreign_key(node, from);
        break;
    case ARRIVAL_UNAUTHENTIC:
        stats->unauthentic++;
        break;
    case ARRIVAL_REPLAYED:
        stats->replayed++;
        break;
    case ARRIVAL_UNPROVEN:
        stats->unproven++;
        break;
    }
    node->dropped = true;
}

static void accept_packet(host *node, uint64_t now_us, shoal_bytes packet,
                          const struct address *from)
{
    int error;

    if (rival_came_back(node, packet))
        return;
    path_heard(node, packet);
    error = shoal_receive(node->engine, now_us, packet);
    if (error == 0)
        return;
    node->dropped = true;
    log_node_refused(node, error);
    if (error == SHOAL_ERR_FROM_OURSELVES && from)
        rival_heard(node, packet, from);
}

/* What cannot be accepted is counted, here or by the engine. `from` NULL: that
 * is not known any more. */
static void accept_arrival(host *node, uint64_t now_us,
                           const struct arrived *arrival,
                           const struct address *from)
{
    if (arrival->fate != ARRIVAL_PROVEN) {
        node->stats.datagrams_received++;
        node->stats.bytes_received += arrival->size;
    }
    if (arrival->is_limited)
        log_node_challenges(node, from);
    if (arrival_has_packet(arrival))
        accept_packet(node, now_us, arrival->packet, from);
    else
        count_drop(node, arrival->fate, from);
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
        accept_arrival(node, now_us, &datagram->arrival, NULL);
        free(datagram);
    }
    return true;
}

/* What the engine is about to get. */
static void look_ahead(const host *node, int count)
{
    shoal_bytes packets[UDP_BATCH];
    size_t found = 0;
    int i;

    for (i = 0; i < count; i++)
        if (arrival_has_packet(&node->arrivals[i]))
            packets[found++] = node->arrivals[i].packet;
    shoal_look_ahead(node->engine, packets, found);
}

/* Before a handler may run in the middle of the batch: the seal is ours now. */
static void open_all(host *node, int count, uint64_t now_us)
{
    struct seal_time time = arrival_time(&node->envelope, now_us);
    int i;

    for (i = 0; i < count; i++)
        node->arrivals[i] =
            arrival_open(&node->envelope, &node->inbox, i, time, &node->outbox);
}

/* Packets that waited for their senders' proof. Those that the deputy finds
 * while a handler runs in the middle of this go to its queue. */
static void accept_proven(host *node, uint64_t now_us)
{
    struct seal_counts counts;
    struct seal_held *held;
    struct arrived arrival;

    if (!node->envelope.seal)
        return;
    counts = seal_get_counts(node->envelope.seal);
    node->stats.challenges = counts.challenges;
    node->stats.challenges_dropped = counts.challenges_dropped;
    node->stats.unproven += counts.lost - node->lost;
    node->lost = counts.lost;
    while (arrival_next_proven(&node->envelope, &held, &arrival)) {
        accept_arrival(node, now_us, &arrival, NULL);
        free(held);
    }
}

/* While a handler runs in the middle of it the deputy sees what is in the
 * batch (`batch`); it does not touch the buffers. */
static int receive_waiting(host *node)
{
    int count = udp_receive(&node->udp, &node->inbox), i;
    uint64_t now_us = host_now(node);
    const struct address *from;

    open_all(node, count, now_us);
    node->batch = count > 0 ? count : 0;
    if (count > 1) /* one alone would wait for memory just the same */
        look_ahead(node, count);
    for (i = 0; i < count; i++) {
        from = udp_sender(&node->inbox, i);
        if (arrival_has_packet(&node->arrivals[i]))
            endpoint_cache_heard(&node->endpoints, from);
        accept_arrival(node, now_us, &node->arrivals[i], from);
    }
    accept_proven(node, now_us);
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
