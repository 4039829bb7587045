/* SPDX-License-Identifier: MIT */
/* The deputy at work: sockets are read, pings answered, packets kept. */
#include "deputy_parts.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Standing in for one node ---- */

static bool within_limit(const struct deputy *deputy, const host *node,
                         uint64_t now_us)
{
    return now_us - deputy->since_us < node->post.limit_us;
}

static void on_send_failed(void *context, const struct address *to, int number)
{
    host *node = context;

    (void)to, (void)number;
    node->post.counts.send_errors++;
}

static void flush(struct deputy *deputy, host *node)
{
    struct udp_sent sent =
        udp_flush(&node->udp, &deputy->outbox, on_send_failed, node);

    node->post.counts.sent += sent.datagrams;
    node->post.counts.bytes_sent += sent.bytes;
}

/* To where it came from: an endpoint is a question that nobody can answer now.
 */
static void answer(struct deputy *deputy, host *node,
                   const struct arrived *arrival, const struct address *from)
{
    uint8_t out[DEPUTY_REPLY_MAX];
    shoal_bytes reply = {out, 0};

    if (!arrival_has_packet(arrival))
        return;
    reply.size = deputy_reply_answer(&node->post.reply, arrival->packet, out);
    if (reply.size == 0)
        return;
    node->post.counts.answered++;
    if (envelope_put(&node->envelope, &deputy->outbox, reply, from))
        return;
    flush(deputy, node);
    (void)envelope_put(&node->envelope, &deputy->outbox, reply,
                       from); /* it is empty */
}

/* The node was interrupted in the middle of a batch. The first of it may have
 * been answered: once more does no harm. */
static void answer_batch(struct deputy *deputy, host *node)
{
    int i, count = node->batch;

    node->batch = 0;
    for (i = 0; i < count; i++)
        answer(deputy, node, &node->arrivals[i], udp_sender(&node->inbox, i));
    flush(deputy, node);
}

static void take(struct deputy *deputy, host *node,
                 const struct arrived *arrival, const struct address *from)
{
    if (deputy_queue_push(&node->post.queue, arrival))
        node->post.counts.kept++;
    else
        node->post.counts.dropped++;
    answer(deputy, node, arrival, from);
}

/* The proof of a packet that was held comes from where that came from. */
static void take_datagram(struct deputy *deputy, host *node, int i,
                          struct seal_time time)
{
    const struct address *from = udp_sender(&deputy->inbox, i);
    struct arrived arrival =
        arrival_open(&node->envelope, &deputy->inbox, i, time, &deputy->outbox);
    struct seal_held *held;

    take(deputy, node, &arrival, from);
    while (arrival_next_proven(&node->envelope, &held, &arrival)) {
        take(deputy, node, &arrival, from);
        free(held);
    }
}

/* One batch, so that the handler's thread is not kept waiting. false: the
 * socket is in trouble. */
static bool read_batch(struct deputy *deputy, host *node)
{
    int i, count = udp_receive(&node->udp, &deputy->inbox);
    struct seal_time time = arrival_time(&node->envelope, deputy_now());

    if (count < 0) {
        node->post.counts.receive_errors++;
        return errno == ECONNREFUSED; /* which is of an earlier send */
    }
    for (i = 0; i < count; i++)
        take_datagram(deputy, node, i, time);
    flush(deputy, node);
    return true;
}

/* ---- Standing in for all of them ---- */

static void give_up(struct deputy *deputy, host *node, uint64_t now_us)
{
    uint64_t busy_us = now_us - deputy->since_us;

    if (node->post.gave_up)
        return;
    node->post.gave_up = true;
    log_line(&node->post.log, LOG_ERROR, LOG_HOST,
             "a handler does not return: pings are no longer answered",
             log_num("seconds", (double)busy_us / 1e6),
             log_str("bind", node->bound));
}

static void take_over(struct deputy *deputy, host *node)
{
    if (node->post.stood_in_us == deputy->since_us)
        return;
    node->post.stood_in_us = deputy->stood_in_us = deputy->since_us;
    node->post.gave_up = false;
    node->post.counts.takeovers++;
    answer_batch(deputy, node);
}

static bool make_room(struct deputy *deputy, size_t count, size_t packet)
{
    struct pollfd *watched;

    if (packet > deputy->inbox.room &&
        !udp_inbox_reserve(&deputy->inbox, packet))
        return false;
    if (count <= deputy->watched_room)
        return true;
    watched = realloc(deputy->watched, 2 * count * sizeof *watched);
    if (!watched)
        return false;
    deputy->watched = watched;
    deputy->watched_room = 2 * count;
    return true;
}

bool deputy_prepare(struct deputy *deputy)
{
    size_t count = 0, packet = 0;
    host *node;

    for (node = deputy->nodes; node; node = node->post.next, count++)
        if (node->post.reply.max_packet_size + ENVELOPE_MAX > packet)
            packet = node->post.reply.max_packet_size + ENVELOPE_MAX;
    return make_room(deputy, count, packet);
}

size_t deputy_watch(struct deputy *deputy)
{
    uint64_t now_us = deputy_now();
    size_t count = 0;
    host *node;

    for (node = deputy->nodes; node; node = node->post.next) {
        if (!within_limit(deputy, node, now_us)) {
            give_up(deputy, node, now_us);
            continue;
        }
        take_over(deputy, node);
        deputy->watched[count++] =
            (struct pollfd){.fd = node->udp.fd, .events = POLLIN};
    }
    return count;
}

bool deputy_read(struct deputy *deputy)
{
    uint64_t now_us = deputy_now();
    bool fine = true;
    host *node;

    for (node = deputy->nodes; node; node = node->post.next)
        if (within_limit(deputy, node, now_us))
            fine &= read_batch(deputy, node);
    return fine;
}
