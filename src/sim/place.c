/* SPDX-License-Identifier: MIT */
#include "../base/bytes.h"
#include "../base/hash.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash_of(shoal_bytes address)
{
    return hash_short(address.data, address.size);
}

static shoal_bytes address_of(const struct sim_place *place)
{
    return (shoal_bytes){(const uint8_t *)place->address,
                         strlen(place->address)};
}

struct sim_place *place_find(const sim *net, shoal_bytes address)
{
    if (net->num_buckets == 0)
        return NULL;
    uint32_t number = net->buckets[hash_of(address) & (net->num_buckets - 1)];
    while (number) {
        struct sim_place *place = &net->places[number - 1];
        shoal_bytes own = address_of(place);
        if (own.size == address.size &&
            memcmp(own.data, address.data, own.size) == 0)
            return place;
        number = place->next;
    }
    return NULL;
}

struct sim_place *place_reached(sim *net, shoal_bytes address)
{
    struct sim_place *place = place_find(net, address);
    return place && sim_chance(net, place->shared)
               ? &net->places[place->shared_with]
               : place;
}

static void link_place(sim *net, uint32_t number)
{
    struct sim_place *place = &net->places[number];
    uint32_t *bucket =
        &net->buckets[hash_of(address_of(place)) & (net->num_buckets - 1)];
    place->next = *bucket;
    *bucket = number + 1;
}

/* Room for one more, in the list and in the address table. */
static bool grow(sim *net)
{
    if (net->num_places < net->capacity)
        return true;
    uint32_t capacity = net->capacity ? net->capacity * 2 : 64;
    uint32_t *buckets = calloc(capacity, sizeof *buckets);
    struct sim_place *places =
        realloc(net->places, capacity * sizeof *net->places);
    if (places)
        net->places = places;
    if (!buckets || !places) {
        free(buckets);
        return false;
    }
    free(net->buckets);
    net->buckets = buckets;
    net->capacity = net->num_buckets = capacity;
    for (uint32_t i = 0; i < net->num_places; i++)
        link_place(net, i);
    return true;
}

static void put_digits(char **at, unsigned value)
{
    if (value >= 10)
        put_digits(at, value / 10);
    *(*at)++ = (char)('0' + value % 10);
}

/* The n-th address is 10.x.y.z:7946. */
static void make_address(uint32_t number, char *out)
{
    const unsigned parts[] = {10, (number + 1) >> 16 & 255,
                              (number + 1) >> 8 & 255, (number + 1) & 255};
    for (int i = 0; i < 4; i++) {
        put_digits(&out, parts[i]);
        *out++ = i < 3 ? '.' : ':';
    }
    memcpy(out, "7946", 5);
}

static void choose_address(const sim *net, char *out)
{
    uint32_t number = net->num_places;
    do
        make_address(number++, out);
    while (place_find(net, bytes_of_text(out)));
}

struct sim_place *place_make(sim *net, const char *address)
{
    char chosen[SIM_MAX_ADDRESS];
    if (!address) {
        choose_address(net, chosen);
        address = chosen;
    }
    size_t size = strlen(address);
    struct sim_place *place =
        place_find(net, (shoal_bytes){(const uint8_t *)address, size});
    if (place)
        return place;
    if (!grow(net))
        return NULL;
    uint32_t number = net->num_places++;
    place = &net->places[number];
    *place = (struct sim_place){.seen_us = SHOAL_NEVER};
    memcpy(place->address, address, size + 1);
    link_place(net, number);
    return place;
}

void place_free_all(sim *net)
{
    for (uint32_t i = 0; i < net->num_places; i++) {
        node_free(net->places[i].node);
        free(net->places[i].noticed_us);
    }
    free(net->places);
    free(net->buckets);
}

uint32_t sim_num_places(const sim *net)
{
    return net->num_places;
}

const char *sim_address(const sim *net, uint32_t place)
{
    return net->places[place].address;
}

void sim_share(sim *net, uint32_t place, uint32_t other, double chance)
{
    net->places[place].shared_with = other;
    net->places[place].shared = chance;
}

sim_node *sim_node_at(const sim *net, uint32_t place)
{
    return net->places[place].node;
}
