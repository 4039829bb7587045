/* SPDX-License-Identifier: MIT */
#include "../base/hash.h"
#include "internal.h"

#include <stdlib.h>

struct sim_call {
    sim_fn *fn;
    void *context;
};

sim *sim_new(uint64_t seed, const sim_network *network)
{
    sim *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->rng.state = seed;
    made->network = *network;
    made->trace = HASH_START;
    return made;
}

static void free_event(const struct event *event)
{
    sim_timer *timer = event->what;
    switch ((enum event_kind)event->kind) {
    case EVENT_CALL:
    case EVENT_PACKET:
    case EVENT_HANDLE:
        free(event->what);
        break;
    case EVENT_TIMER:
        if (!timer->node) /* cancelled: nobody else holds it */
            free(timer);
        break;
    case EVENT_TICK:
    case EVENT_WAKE:
        break;
    }
}

void sim_free(sim *net)
{
    if (!net)
        return;
    place_free_all(net);
    wiretap_free(net);
    for (size_t i = 0; i < net->queue.count; i++)
        free_event(&net->queue.heap[i]);
    queue_clear(&net->queue);
    while (net->cuts)
        sim_cut_free(net, net->cuts);
    free(net->watched);
    free(net);
}

void sim_set_network(sim *net, const sim_network *network)
{
    net->network = *network;
}

sim_network sim_get_network(const sim *net)
{
    return net->network;
}

uint64_t sim_now(const sim *net)
{
    return net->now_us;
}

sim_counts sim_get_counts(const sim *net)
{
    return net->counts;
}

uint64_t sim_random(sim *net)
{
    return rng_next(&net->rng);
}

bool sim_at(sim *net, uint64_t at_us, sim_fn *fn, void *context)
{
    struct sim_call *call = malloc(sizeof *call);
    if (!call)
        return false;
    *call = (struct sim_call){fn, context};
    struct event event = {.at_us = at_us, .kind = EVENT_CALL, .what = call};
    if (at_us < net->now_us)
        event.at_us = net->now_us;
    if (queue_push(&net->queue, event))
        return true;
    free(call);
    return false;
}

static void call_back(void *what)
{
    struct sim_call call = *(struct sim_call *)what;
    free(what);
    call.fn(call.context);
}

static void handle(sim *net, struct sim_node *node, struct sim_packet *packet)
{
    if (node->life == packet->life) {
        inbox_handle(node, packet);
        return;
    }
    net->counts.lost++; /* it was in the hands of the one who lived there */
    free(packet);
}

static void happen_at(sim *net, struct sim_node *node,
                      const struct event *event)
{
    if (event->kind == EVENT_PACKET)
        inbox_arrive(node, event->what);
    else if (event->kind == EVENT_HANDLE)
        handle(net, node, event->what);
    else if (event->kind == EVENT_TICK && event->at_us == node->tick_at_us)
        node_tick(node);
    else if (event->kind == EVENT_WAKE && event->at_us == node->wake_at_us) {
        node->wake_at_us = SHOAL_NEVER;
        node_drain(node);
    }
}

static void happen(sim *net, const struct event *event)
{
    if (event->kind == EVENT_CALL) {
        call_back(event->what);
    } else if (event->kind == EVENT_TIMER) {
        timer_fire(event->what);
    } else if (net->places[event->place].node) {
        happen_at(net, net->places[event->place].node, event);
    } else { /* gone meanwhile */
        net->counts.lost +=
            event->kind == EVENT_PACKET || event->kind == EVENT_HANDLE;
        free_event(event);
    }
}

bool sim_step(sim *net, uint64_t until_us)
{
    if (net->queue.count == 0 || net->queue.heap[0].at_us > until_us) {
        if (until_us > net->now_us)
            net->now_us = until_us;
        return false;
    }
    struct event event = queue_pop(&net->queue);
    net->now_us = event.at_us;
    net->counts.events++;
    happen(net, &event);
    return true;
}
