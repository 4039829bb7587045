/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Uniform in (0, 1]. */
static double fraction(sim *net)
{
    return ((double)(rng_next(&net->rng) >> 11) + 1) * 0x1p-53;
}

static uint64_t draw_latency(sim *net)
{
    const sim_latency *latency = &net->network.latency;
    double width = (double)(latency->high_us - latency->low_us);
    if (latency->high_us <= latency->low_us)
        return latency->low_us;
    double more = latency->distribution == SIM_UNIFORM
                      ? width * fraction(net)
                      : -log(fraction(net)) * width;
    return latency->low_us + (uint64_t)more;
}

static bool has_bit(const uint8_t *bits, size_t bytes, uint32_t number)
{
    return number / 8 < bytes && bits[number / 8] >> number % 8 & 1;
}

static bool is_cut(sim *net, uint32_t from, uint32_t to)
{
    for (const sim_cut *cut = net->cuts; cut; cut = cut->next) {
        if (has_bit(cut->from, cut->bytes, from) &&
            has_bit(cut->to, cut->bytes, to) && sim_chance(net, cut->loss))
            return true;
    }
    return false;
}

static void carry(sim *net, uint32_t from, uint32_t to, shoal_bytes bytes)
{
    struct packet *packet = malloc(sizeof *packet + bytes.size);
    struct event event = {.kind = EVENT_PACKET, .node = to, .what = packet};
    if (!packet) {
        net->counts.lost++;
        return;
    }
    *packet = (struct packet){.from = from, .size = bytes.size};
    memcpy(packet->bytes, bytes.data, bytes.size);
    event.at_us = net->now_us + draw_latency(net);
    if (sim_chance(net, net->network.reorder)) {
        net->counts.reordered++;
        event.at_us +=
            (uint64_t)(fraction(net) * (double)net->network.reorder_by_us);
    }
    if (!queue_push(&net->queue, event)) {
        free(packet);
        net->counts.lost++;
    }
}

void network_send(struct sim_node *from, shoal_bytes endpoint,
                  shoal_bytes packet)
{
    sim *net = from->net;
    net->counts.packets++;
    net->counts.bytes += packet.size;
    from->traffic.packets_sent++;
    from->traffic.bytes_sent += packet.size;
    sim_note(net, &net->now_us, sizeof net->now_us);
    sim_note(net, packet.data, packet.size);
    struct sim_node *to = node_at(net, endpoint);
    size_t limit = net->network.max_packet;
    if (!to || (limit > 0 && packet.size > limit) ||
        is_cut(net, from->number, to->number) ||
        sim_chance(net, net->network.loss)) {
        net->counts.lost++;
        return;
    }
    carry(net, from->number, to->number, packet);
    if (sim_chance(net, net->network.duplicate)) {
        net->counts.duplicated++;
        carry(net, from->number, to->number, packet);
    }
}

static void keep(struct sim_node *node, struct packet *packet)
{
    if (node->inbox_size >= SIM_MAX_INBOX) {
        node->net->counts.lost++;
        free(packet);
        return;
    }
    packet->next = NULL;
    *node->inbox_end = packet;
    node->inbox_end = &packet->next;
    node->inbox_size++;
}

/* A slow node takes one packet after the other, each for `delay_us`. */
static void put_behind(struct sim_node *node, struct packet *packet)
{
    sim *net = node->net;
    if (node->handled_us < net->now_us)
        node->handled_us = net->now_us;
    node->handled_us += node->delay_us;
    struct event event = {.at_us = node->handled_us,
                          .kind = EVENT_HANDLE,
                          .node = node->number,
                          .what = packet};
    if (!queue_push(&net->queue, event)) {
        free(packet);
        net->counts.lost++;
    }
}

void network_handle(struct sim_node *node, struct packet *packet)
{
    if (node->paused) {
        keep(node, packet);
        return;
    }
    node->net->counts.delivered++;
    node_receive(node, (shoal_bytes){packet->bytes, packet->size});
    free(packet);
}

void network_arrive(struct sim_node *node, struct packet *packet)
{
    if (node->delay_us > 0 && !node->paused)
        put_behind(node, packet);
    else
        network_handle(node, packet);
}

/* ---- Cuts ---- */

static void set_bits(uint8_t *bits, sim_node *const nodes[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        bits[nodes[i]->number / 8] |= (uint8_t)(1 << nodes[i]->number % 8);
}

sim_cut *sim_cut_new(sim *net, sim_node *const from[], size_t num_from,
                     sim_node *const to[], size_t num_to, double loss)
{
    sim_cut *cut = malloc(sizeof *cut);
    size_t bytes = net->num_nodes / 8 + 1;
    uint8_t *bits = calloc(2, bytes);
    if (!cut || !bits) {
        free(cut);
        free(bits);
        return NULL;
    }
    *cut = (sim_cut){net->cuts, loss, bits, bits + bytes, bytes};
    set_bits(cut->from, from, num_from);
    set_bits(cut->to, to, num_to);
    net->cuts = cut;
    return cut;
}

void sim_cut_free(sim *net, sim_cut *cut)
{
    if (!cut)
        return;
    sim_cut **at = &net->cuts;
    while (*at != cut)
        at = &(*at)->next;
    *at = cut->next;
    free(cut->from);
    free(cut);
}
