/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>

static void lose(struct sim_node *node, struct sim_packet *packet)
{
    node->waiting--;
    node->net->counts.lost++;
    free(packet);
}

static void keep(struct sim_node *node, struct sim_packet *packet)
{
    packet->next = NULL;
    *node->inbox_end = packet;
    node->inbox_end = &packet->next;
}

/* To be handled after what it is busy with: a slow node takes one packet after
 * the other, each for `delay_us`. */
static void put_behind(struct sim_node *node, struct sim_packet *packet)
{
    sim *net = node->net;
    if (node->handled_us < net->now_us)
        node->handled_us = net->now_us;
    node->handled_us += node->delay_us;
    packet->life = node->life;
    struct event event = {.at_us = node->handled_us,
                          .kind = EVENT_HANDLE,
                          .place = node->place,
                          .what = packet};
    if (!queue_push(&net->queue, event))
        lose(node, packet);
}

void inbox_handle(struct sim_node *node, struct sim_packet *packet)
{
    if (node->paused) {
        keep(node, packet);
        return;
    }
    node->waiting--;
    if (packet->is_sealed || node->seal)
        sealed_receive(node, packet);
    else if (packet->label == node->label)
        node_receive(node, (shoal_bytes){packet->bytes, packet->size});
    else
        node->traffic.foreign++;
    free(packet);
}

void inbox_arrive(struct sim_node *node, struct sim_packet *packet)
{
    bool is_slow = node->delay_us > 0 || node->handled_us > node->net->now_us;
    node->waiting++;
    if (node->waiting > SIM_MAX_WAITING)
        lose(node, packet);
    else if (is_slow && !node->paused)
        put_behind(node, packet);
    else
        inbox_handle(node, packet);
}

/* What waits comes as events of their own, so that the node may be closed by
 * the first of them; before the tick, as a host reads its socket first. */
void inbox_resume(struct sim_node *node)
{
    struct sim_packet *packet = node->inbox;
    node->inbox = NULL;
    node->inbox_end = &node->inbox;
    while (packet) {
        struct sim_packet *next = packet->next;
        put_behind(node, packet);
        packet = next;
    }
}

void inbox_free(struct sim_node *node)
{
    while (node->inbox) {
        struct sim_packet *packet = node->inbox;
        node->inbox = packet->next;
        free(packet);
    }
}
