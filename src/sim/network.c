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

/* As it leaves the sender. NULL: no memory. */
static struct sim_packet *make_packet(const struct sim_node *from, uint32_t to,
                                      shoal_bytes bytes)
{
    struct sim_packet *packet;
    if (from->seal)
        return sealed_packet(from, to, bytes);
    packet = malloc(sizeof *packet + bytes.size);
    if (!packet)
        return NULL;
    *packet = (struct sim_packet){
        .label = from->label, .from = from->place, .size = bytes.size};
    memcpy(packet->bytes, bytes.data, bytes.size);
    return packet;
}

static void corrupt(sim *net, struct sim_packet *packet)
{
    size_t at = packet->size > 0 ? rng_next(&net->rng) % packet->size : 0;
    if (packet->size == 0)
        return;
    packet->bytes[at] ^= (uint8_t)(1 + rng_below(&net->rng, 255));
    net->counts.corrupted++;
}

static void carry(sim *net, uint32_t to, struct sim_packet *packet)
{
    struct event event = {.kind = EVENT_PACKET, .place = to, .what = packet};
    event.at_us = net->now_us + draw_latency(net);
    if (sim_chance(net, net->network.reorder)) {
        net->counts.reordered++;
        event.at_us +=
            (uint64_t)(fraction(net) * (double)net->network.reorder_by_us);
    }
    if (packet && sim_chance(net, net->network.corrupt))
        corrupt(net, packet);
    if (packet && queue_push(&net->queue, event))
        return;
    free(packet);
    net->counts.lost++;
}

void network_carry(sim *net, uint32_t from, uint32_t to,
                   struct sim_packet *packet)
{
    struct sim_packet *second = NULL;
    if (packet && net->taps)
        wiretap_note(net, to, packet);
    if (!net->places[to].node || cut_loses(net, from, to) ||
        sim_chance(net, net->network.loss)) {
        net->counts.lost++;
        free(packet);
        return;
    }
    if (packet && net->network.duplicate > 0)
        second = wiretap_copy(packet);
    carry(net, to, packet);
    if (sim_chance(net, net->network.duplicate)) {
        net->counts.duplicated++;
        carry(net, to, second);
    } else {
        free(second);
    }
}

void network_send(struct sim_node *from, shoal_bytes endpoint,
                  shoal_bytes packet)
{
    sim *net = from->net;
    size_t size = packet.size + from->envelope_size;
    size_t limit = net->network.max_packet;
    const struct sim_place *place = place_reached(net, endpoint);
    uint32_t to = place ? (uint32_t)(place - net->places) : UINT32_MAX;
    net->counts.packets++;
    net->counts.bytes += size;
    from->traffic.packets_sent++;
    from->traffic.bytes_sent += size;
    from->traffic.nowhere += !place || !place->node;
    trace_note(net, TRACE_SEND, from->place, to);
    trace_bytes(net, packet);
    if (!place || !place->node || (limit > 0 && size > limit))
        net->counts.lost++;
    else
        network_carry(net, from->place, to, make_packet(from, to, packet));
}

size_t sim_replay(sim *net)
{
    size_t count = 0;
    bool taps = net->taps;
    net->taps = false;
    for (const struct tapped *entry = net->tapped; entry;
         entry = entry->next, count++) {
        net->counts.packets++;
        net->counts.bytes += entry->packet->size;
        network_carry(net, entry->packet->from, entry->to,
                      wiretap_copy(entry->packet));
    }
    net->taps = taps;
    return count;
}
