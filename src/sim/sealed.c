/* SPDX-License-Identifier: MIT */
/* Packets of nodes that have keys: the host's seal, on the simulation's clock,
 * and with its randomness. The sender's address is its place. */
#include "../base/bytes.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>

bool sealed_init(struct sim_node *node, const sim_options *options)
{
    uint64_t random[SEAL_RANDOM / 8];
    struct seal_options sealing = {.keys = options->keys,
                                   .label = options->label,
                                   .skew_us = options->skew_us,
                                   .now_us = node->net->now_us,
                                   .wall_us = sim_node_wall(node),
                                   .random = (const uint8_t *)random};
    for (size_t i = 0; i < SEAL_RANDOM / 8; i++)
        random[i] = rng_next(&node->net->rng);
    node->seal = seal_new(&sealing, NULL);
    node->envelope_size = SEAL_OVERHEAD;
    return node->seal != NULL;
}

struct seal *sim_seal(sim_node *node)
{
    return node->seal;
}

void sim_speak(sim_node *node, shoal_bytes endpoint, const struct seal_key *key,
               uint64_t us)
{
    const struct sim_place *place = place_reached(node->net, endpoint);
    uint32_t to = place ? (uint32_t)(place - node->net->places) : 0;
    if (place)
        seal_speak(node->seal, bytes_of(&to, sizeof to), key,
                   node->net->now_us + us);
}

void sim_set_wall_clock(sim_node *node, int64_t ahead_us)
{
    node->wall_us = ahead_us;
}

uint64_t sim_node_wall(const sim_node *node)
{
    return SIM_EPOCH_US + sim_node_now(node) + (uint64_t)node->wall_us;
}

static struct seal_time sealed_time(const struct sim_node *node)
{
    return (struct seal_time){node->net->now_us, sim_node_wall(node)};
}

struct sim_packet *sealed_packet(const struct sim_node *from, uint32_t to,
                                 shoal_bytes bytes)
{
    size_t size = bytes.size + SEAL_OVERHEAD;
    struct sim_packet *packet = malloc(sizeof *packet + size);
    if (!packet)
        return NULL;
    *packet = (struct sim_packet){
        .is_sealed = true, .from = from->place, .size = size};
    seal_packet_to(from->seal, sealed_time(from), bytes_of(&to, sizeof to),
                   bytes, packet->bytes);
    return packet;
}

static void reply(struct sim_node *node, uint32_t to,
                  const struct seal_arrival *arrival)
{
    struct sim_packet *packet = malloc(sizeof *packet + arrival->reply_size);
    node->net->counts.packets++;
    node->net->counts.bytes += arrival->reply_size;
    node->traffic.packets_sent++;
    node->traffic.bytes_sent += arrival->reply_size;
    if (!packet)
        return;
    *packet = (struct sim_packet){
        .is_sealed = true, .from = node->place, .size = arrival->reply_size};
    memcpy(packet->bytes, arrival->reply, arrival->reply_size);
    network_carry(node->net, node->place, to, packet);
}

/* Each may be the end of the node. */
static void receive_proven(struct sim_node *node)
{
    struct sim_place *place = &node->net->places[node->place];
    uint32_t life = node->life;
    struct seal_held *list = NULL, **end = &list, *held;
    while ((held = seal_next_proven(node->seal))) {
        *end = held;
        end = &held->next;
    }
    while ((held = list)) {
        list = held->next;
        if (place->node == node && node->life == life)
            node_receive(node, seal_held_packet(held));
        free(held);
    }
}

static void count(struct sim_traffic *traffic, seal_verdict verdict)
{
    switch (verdict) {
    case SEAL_PACKET:
    case SEAL_TAKEN:
        break;
    case SEAL_FOREIGN_KEY:
        traffic->foreign_key++;
        break;
    case SEAL_UNAUTHENTIC:
        traffic->unauthentic++;
        break;
    case SEAL_REPLAYED:
        traffic->replayed++;
        break;
    case SEAL_UNPROVEN:
        traffic->unproven++;
        break;
    }
}

void sealed_receive(struct sim_node *node, struct sim_packet *packet)
{
    struct seal_arrival arrival;
    seal_verdict verdict;
    if (!node->seal) {
        node->traffic.foreign_key++;
        return;
    }
    if (!packet->is_sealed) {
        node->traffic.unauthentic++;
        return;
    }
    verdict =
        seal_open(node->seal, sealed_time(node), packet->bytes, packet->size,
                  bytes_of(&packet->from, sizeof packet->from), &arrival);
    count(&node->traffic, verdict);
    if (arrival.reply_size > 0)
        reply(node, packet->from, &arrival);
    if (verdict == SEAL_PACKET)
        node_receive(node, arrival.packet);
    else if (verdict == SEAL_TAKEN)
        receive_proven(node);
}
