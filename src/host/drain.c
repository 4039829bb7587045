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
    narrate_send_error(node, to, number);
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

static void put(host *node, const shoal_effect *effect)
{
    const struct address *to =
        endpoints_find(&node->endpoints, effect->member.endpoint);
    shoal_bytes prefix = {node->envelope.prefix, node->envelope.size};

    narrate_effect(node, effect);
    if (!to) {
        node->stats.unresolved++;
        node->dropped = true;
        return;
    }
    if (udp_outbox_add(&node->outbox, prefix, effect->packet, to))
        return;
    flush(node);
    if (!udp_outbox_add(&node->outbox, prefix, effect->packet, to))
        on_send_failed(node, to, EMSGSIZE);
}

static bool is_wanted(const host *node, shoal_event event)
{
    return event < SHOAL_EVENT_SUSPECT || (node->diagnostics >> event & 1);
}

/* What waits to be sent goes first: the handler may take its time. */
static void notify(host *node, const shoal_effect *effect)
{
    narrate_effect(node, effect);
    if (!is_wanted(node, effect->event) || !node->callbacks.on_notify)
        return;
    flush(node);
    node->callbacks.on_notify(node->callbacks.context, effect);
}

void drain_effects(host *node)
{
    shoal_effect effect;
    unsigned done = 0;

    if (node->draining || !node->engine)
        return;
    node->draining = true;
    while (!node->closing && done < EFFECTS_PER_DRAIN &&
           shoal_next_effect(node->engine, &effect)) {
        done++;
        if (effect.kind == SHOAL_SEND)
            put(node, &effect);
        else
            notify(node, &effect);
    }
    flush(node);
    node->draining = false;
    if (done == EFFECTS_PER_DRAIN)
        node->behind = true;
}

void drain_sends(host *node)
{
    shoal_effect effect;

    while (node->engine && shoal_next_effect(node->engine, &effect)) {
        if (effect.kind == SHOAL_SEND)
            put(node, &effect);
        else
            narrate_effect(node, &effect);
    }
    flush(node);
}
