/* SPDX-License-Identifier: MIT */
#include "node.h"

#include <errno.h>

enum {
    /* A handler that causes an event with every event must not keep the loop
     * from its sockets and timers. */
    EFFECTS_PER_DRAIN = 4096
};

static void on_send_failed(void *context, const struct address *to, int number)
{
    host *node = context;

    node->stats.send_errors++;
    if (number == EMSGSIZE)
        log_node_too_large(node, to);
    else
        log_node_send_error(node, to, number);
}

static void flush(host *node)
{
    struct udp_sent sent;

    if (node->outbox.count == 0)
        return;
    sent = udp_flush(&node->udp, &node->outbox, on_send_failed, node);
    node->stats.datagrams_sent += sent.datagrams;
    node->stats.bytes_sent += sent.bytes;
}

void outbound_send(host *node, shoal_bytes packet, const struct address *to)
{
    if (envelope_put(&node->envelope, &node->outbox, packet, to))
        return;
    flush(node);
    (void)envelope_put(&node->envelope, &node->outbox, packet,
                       to); /* it is empty */
}

/* Which the receiver answers, if it gets them. */
static bool is_question(uint8_t message)
{
    return message == SHOAL_MSG_PING || message == SHOAL_MSG_INDIRECT_PING ||
           message == SHOAL_MSG_ANNOUNCE;
}

static const struct address *find(host *node, const shoal_effect *effect)
{
    uint64_t patience_us = is_question(effect->message)
                               ? shoal_get_config(node->engine)->probe_rtt_us
                               : 0;

    return endpoint_cache_find(&node->endpoints, effect->member.endpoint,
                               patience_us);
}

static void put(host *node, const shoal_effect *effect)
{
    const struct address *to = find(node, effect);

    if (!to) {
        node->stats.unresolved++;
        node->dropped = true;
        return;
    }
    if (!envelope_allows(&node->envelope, to)) {
        node->stats.not_allowed++;
        node->dropped = true;
        return;
    }
    path_sent(node, effect->member.endpoint, effect->packet.size);
    if (envelope_put(&node->envelope, &node->outbox, effect->packet, to))
        return;
    flush(node);
    if (!envelope_put(&node->envelope, &node->outbox, effect->packet, to))
        on_send_failed(node, to, EMSGSIZE);
}

static bool is_wanted(const host *node, shoal_event event)
{
    return !shoal_event_is_diagnostic(event) ||
           (node->diagnostics >> event & 1);
}

/* Between two handlers that follow each other there is nothing else, or it
 * would count as theirs: a terminal may take its time, and so may a socket. */
static void write_to_log(host *node, const shoal_effect *effect)
{
    bool wanted = log_engine_wants(node->log, effect);

    if (wanted || effect->kind == SHOAL_SEND)
        (void)host_handler_ended();
    if (wanted)
        log_node_effect(node, effect);
}

/* What waits to be sent goes first: the handler may take its time. */
bool host_next_event(host *node, shoal_effect *out)
{
    while (!node->closing && node->drained < EFFECTS_PER_DRAIN &&
           shoal_next_effect(node->engine, out)) {
        node->drained++;
        write_to_log(node, out);
        if (out->kind == SHOAL_SEND) {
            put(node, out);
        } else if (is_wanted(node, out->event) && node->callbacks.on_notify) {
            flush(node);
            return true;
        }
    }
    return false;
}

void outbound_drain(host *node)
{
    shoal_effect event;

    if (node->draining || !node->engine)
        return;
    node->draining = true;
    node->drained = 0;
    while (host_next_event(node, &event))
        node->callbacks.on_notify(node->callbacks.context, &event);
    flush(node);
    node->draining = false;
    if (node->drained == EFFECTS_PER_DRAIN)
        node->behind = true;
}

void outbound_drain_sends(host *node)
{
    shoal_effect effect;

    while (node->engine && shoal_next_effect(node->engine, &effect)) {
        log_node_effect(node, &effect);
        if (effect.kind == SHOAL_SEND)
            put(node, &effect);
    }
    flush(node);
}
