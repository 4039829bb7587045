/* SPDX-License-Identifier: MIT */
#include "../base/hash.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* Without memory a tick leaves what is due as it is; at the same moment it
 * would fail for ever. */
enum { RETRY_US = 1000 };

/* ---- Life ---- */

/* What the host's envelope (docs/wire.md) adds to each packet. */
static void set_label(struct sim_node *node, const char *label)
{
    if (!label || *label == '\0')
        return;
    node->label = hash_text(HASH_START, label);
    node->envelope_size = 2 + strlen(label);
}

static const char *check_address(const sim *net, const char *address)
{
    size_t size = strlen(address);
    if (size == 0 || size >= SIM_MAX_ADDRESS)
        return "an address has 1 to 63 bytes";
    const struct sim_place *place =
        place_find(net, (shoal_bytes){(const uint8_t *)address, size});
    return place && place->node ? "address already in use" : NULL;
}

sim_node *sim_open(sim *net, const sim_options *options, const char **problem)
{
    *problem = options->address ? check_address(net, options->address) : NULL;
    if (*problem)
        return NULL;
    struct sim_node *node = calloc(1, sizeof *node);
    struct sim_place *place = node ? place_make(net, options->address) : NULL;
    if (!place) {
        free(node);
        *problem = "out of memory";
        return NULL;
    }
    node->net = net;
    node->place = (uint32_t)(place - net->places);
    node->life = place->lives++;
    node->callbacks = options->callbacks;
    node->tick_at_us = node->wake_at_us = SHOAL_NEVER;
    node->inbox_end = &node->inbox;
    if (options->keys && !sealed_init(node, options)) {
        free(node);
        *problem = "out of memory, or there is no libsodium";
        return NULL;
    }
    if (!options->keys)
        set_label(node, options->label);
    seed_init(node);
    place->node = node;
    witness_opened(place);
    trace_note(net, TRACE_OPEN, node->place, node->life);
    return node;
}

uint32_t sim_place(const sim_node *node)
{
    return node->place;
}

void *sim_context(const sim_node *node)
{
    return node->callbacks.context;
}

int sim_start(sim_node *node, const shoal_options *options, const char **detail)
{
    int error = shoal_new(options, &node->engine, detail);
    if (error)
        return error;
    node->seeds.rng.state = ~options->seed; /* not the engine's numbers */
    sim_wake(node);
    return 0;
}

void node_free(struct sim_node *node)
{
    if (!node)
        return;
    timer_free_all(node);
    seeds_clear(&node->seeds);
    inbox_free(node);
    seal_free(node->seal);
    shoal_free(node->engine);
    free(node);
}

static void finish(struct sim_node *node)
{
    sim *net = node->net;
    sim_callbacks callbacks = node->callbacks;
    struct sim_place *place = &net->places[node->place];
    trace_note(net, TRACE_END, node->place, node->crashed);
    place->node = NULL;
    witness_ended(place, net->now_us);
    node_free(node);
    if (callbacks.on_closed)
        callbacks.on_closed(callbacks.context);
}

void sim_crash(sim_node *node)
{
    node->closing = node->crashed = true;
    node_drain(node);
}

void sim_close(sim_node *node)
{
    node->closing = true;
    node_drain(node);
}

shoal *sim_engine(sim_node *node)
{
    return node->engine;
}

uint64_t sim_node_now(const sim_node *node)
{
    return node->net->now_us + (uint64_t)node->clock_us;
}

sim_traffic sim_node_traffic(const sim_node *node)
{
    return node->traffic;
}

/* ---- Inputs ---- */

/* One event in the queue stands for the engine's deadline. A later deadline
 * leaves it alone: when it comes it is found to be early, and moved. */
void node_arm(struct sim_node *node)
{
    if (!node->engine)
        return;
    uint64_t deadline = shoal_next_deadline(node->engine),
             now = sim_node_now(node);
    if (deadline == SHOAL_NEVER)
        return;
    uint64_t wait_us = deadline > now ? deadline - now : 0;
    if (wait_us == 0 && node->tick_failed)
        wait_us = RETRY_US;
    uint64_t at = node->net->now_us + wait_us;
    if (at >= node->tick_at_us)
        return;
    struct event event = {
        .at_us = at, .kind = EVENT_TICK, .place = node->place};
    if (queue_push(&node->net->queue, event))
        node->tick_at_us = at;
}

void sim_wake(sim_node *node)
{
    uint64_t now = node->net->now_us;
    struct event event = {
        .at_us = now, .kind = EVENT_WAKE, .place = node->place};
    if (node->busy > 0 || node->draining || node->wake_at_us == now)
        return; /* it is going to be drained */
    if (queue_push(&node->net->queue, event))
        node->wake_at_us = now;
}

/* What it refuses is counted by the engine; there is nobody to tell. */
void node_receive(struct sim_node *node, shoal_bytes packet)
{
    if (!node->engine)
        return;
    node->net->counts.delivered++;
    node->traffic.packets_received++;
    node->traffic.bytes_received += packet.size + node->envelope_size;
    trace_note(node->net, TRACE_RECEIVE, node->place, packet.size);
    witness_packet(node, packet);
    node->busy++;
    (void)shoal_receive(node->engine, sim_node_now(node), packet);
    node->busy--;
    node_drain(node);
}

void node_tick(struct sim_node *node)
{
    node->tick_at_us = SHOAL_NEVER;
    if (node->paused || !node->engine)
        return;
    node->busy++;
    if (shoal_next_deadline(node->engine) <= sim_node_now(node))
        node->tick_failed =
            shoal_tick(node->engine, sim_node_now(node)) == SHOAL_ERR_NOMEM;
    node->busy--;
    node_drain(node);
}

/* ---- Effects ---- */

static void note(struct sim_node *node, const shoal_effect *event)
{
    if (!shoal_event_is_diagnostic(
            event->event)) /* who looks on changes nothing */
        trace_note(node->net, TRACE_NOTIFY, node->place, event->event);
    witness_notify(node, event);
}

static void notify(struct sim_node *node, const shoal_effect *event)
{
    if (!node->callbacks.on_notify)
        return;
    node->busy++;
    node->callbacks.on_notify(node->callbacks.context, event);
    node->busy--;
}

static void send(struct sim_node *node, const shoal_effect *effect)
{
    if (node->callbacks.on_send)
        node->callbacks.on_send(node->callbacks.context, effect);
    network_send(node, effect->member.endpoint, effect->packet);
}

bool sim_next_event(sim_node *node, shoal_effect *out)
{
    while (node->engine && !node->crashed &&
           shoal_next_effect(node->engine, out)) {
        if (out->kind == SHOAL_NOTIFY) {
            note(node, out);
            return true;
        }
        send(node, out);
    }
    return false;
}

static void drain(struct sim_node *node)
{
    shoal_effect event;
    while (sim_next_event(node, &event))
        notify(node, &event);
}

void sim_deliver(sim_node *node)
{
    if (node->draining)
        return;
    node->draining = true;
    drain(node);
    node->draining = false;
}

void node_drain(struct sim_node *node)
{
    if (node->draining || node->busy > 0)
        return; /* the one who does it goes on */
    if (node->paused && !node->closing)
        return;
    node->draining = true;
    drain(node);
    node->draining = false;
    if (node->closing) {
        finish(node);
        return;
    }
    if (!node->engine)
        return;
    seed_update(node);
    node_arm(node);
}
