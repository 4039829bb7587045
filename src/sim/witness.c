/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- What members say of each other ---- */

void witness_opened(struct sim_place *place)
{
    place->ended_us = SHOAL_NEVER;
    place->num_noticed = place->unnoted = 0;
}

void witness_ended(struct sim_place *place, uint64_t now_us)
{
    place->ended_us = now_us;
}

static bool has_room(struct sim_place *place)
{
    if (place->num_noticed < place->noticed_capacity)
        return true;
    size_t capacity = place->noticed_capacity * 2 + 64;
    uint64_t *list = realloc(place->noticed_us, capacity * sizeof *list);
    if (!list)
        return false;
    place->noticed_us = list;
    place->noticed_capacity = capacity;
    return true;
}

static void note_end(struct sim_place *place, uint64_t now_us)
{
    if (has_room(place))
        place->noticed_us[place->num_noticed++] = now_us;
    else
        place->unnoted++;
}

/* `node` says that whoever is at that endpoint is down. */
static void note_down(const struct sim_node *node, shoal_bytes endpoint)
{
    sim *net = node->net;
    struct sim_place *place = place_find(net, endpoint);
    if (!place)
        return;
    uint32_t number = (uint32_t)(place - net->places);
    if (!place->node)
        note_end(place, net->now_us);
    else if (place->node->paused || cut_separates(net, node->place, number))
        place->excused_downs++;
    else
        place->wrong_downs++;
}

void witness_notify(struct sim_node *node, const shoal_effect *effect)
{
    if (effect->event == SHOAL_EVENT_MEMBER_DOWN)
        note_down(node, effect->member.endpoint);
    else if (effect->event == SHOAL_EVENT_REJOIN)
        node->net->places[node->place].renewals++;
    else if (effect->event == SHOAL_EVENT_RETURNED)
        node->net->places[node->place].returns++;
}

sim_record sim_get_record(const sim *net, uint32_t number)
{
    const struct sim_place *place = &net->places[number];
    return (sim_record){
        .wrong_downs = place->wrong_downs,
        .excused_downs = place->excused_downs,
        .renewals = place->renewals,
        .returns = place->returns,
        .ended_us = place->ended_us,
        .noticed_us = place->noticed_us,
        .num_noticed = place->num_noticed,
        .unnoted = place->unnoted,
    };
}

/* ---- How data spreads ---- */

static bool contains(shoal_bytes packet, const uint8_t *data, size_t size)
{
    const uint8_t *at = packet.data, *end = packet.data + packet.size;
    while ((size_t)(end - at) >= size) {
        at = memchr(at, data[0], (size_t)(end - at) - size + 1);
        if (!at)
            return false;
        if (memcmp(at, data, size) == 0)
            return true;
        at++;
    }
    return false;
}

void witness_packet(struct sim_node *node, shoal_bytes packet)
{
    sim *net = node->net;
    struct sim_place *place = &net->places[node->place];
    if (!net->watched || !contains(packet, net->watched, net->watched_size))
        return;
    place->copies++;
    if (place->seen_us == SHOAL_NEVER)
        place->seen_us = net->now_us;
}

bool sim_watch(sim *net, shoal_bytes data, uint32_t origin)
{
    uint8_t *copy = malloc(data.size + 1);
    if (!copy)
        return false;
    memcpy(copy, data.data, data.size);
    free(net->watched);
    net->watched = copy;
    net->watched_size = data.size;
    for (uint32_t i = 0; i < net->num_places; i++) {
        net->places[i].seen_us = i == origin ? net->now_us : SHOAL_NEVER;
        net->places[i].copies = 0;
    }
    return true;
}

uint64_t sim_seen(const sim *net, uint32_t place)
{
    return net->places[place].seen_us;
}

uint64_t sim_copies(const sim *net, uint32_t place)
{
    return net->places[place].copies;
}
