/* SPDX-License-Identifier: MIT */
#include "idents.h"

#include <stdlib.h>
#include <string.h>

static void *allocate(size_t size)
{
    void *block = calloc(1, size);
    if (!block)
        abort();
    return block;
}

uint32_t idents_place(struct idents *idents, shoal_bytes addr)
{
    for (uint32_t i = 0; i < idents->num_places; i++)
        if (idents->places[i].size == addr.size &&
            memcmp(idents->places[i].bytes, addr.data, addr.size) == 0)
            return i;
    if (idents->num_places == MAX_PLACES)
        return NOWHERE;
    uint32_t place = idents->num_places++;
    idents->places[place].bytes = allocate(addr.size + 1);
    idents->places[place].size = addr.size;
    memcpy(idents->places[place].bytes, addr.data, addr.size);
    return place;
}

static uint32_t hash_of(shoal_bytes id)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ id.data[i]) * 16777619u;
    return hash % IDENT_BUCKETS;
}

static uint32_t place_of(struct idents *idents, shoal_bytes id)
{
    shoal_identity_questions stock = shoal_stock_identity();
    uint8_t room[SHOAL_MAX_IDENTITY];
    shoal_bytes addr, endpoint;
    return stock.addr(stock.context, id, room, &addr, &endpoint) == 0
               ? idents_place(idents, addr)
               : NOWHERE;
}

struct ident *idents_get(struct idents *idents, shoal_bytes id)
{
    struct ident **bucket = &idents->buckets[hash_of(id)];
    for (struct ident *ident = *bucket; ident; ident = ident->next)
        if (ident->size == id.size &&
            memcmp(ident->bytes, id.data, id.size) == 0)
            return ident;
    struct ident *made = allocate(sizeof *made + id.size);
    made->place = place_of(idents, id);
    made->size = id.size;
    memcpy(made->bytes, id.data, id.size);
    made->next = *bucket;
    *bucket = made;
    return made;
}

void idents_clear(struct idents *idents)
{
    for (uint32_t i = 0; i < IDENT_BUCKETS; i++)
        while (idents->buckets[i]) {
            struct ident *ident = idents->buckets[i];
            idents->buckets[i] = ident->next;
            free(ident);
        }
    while (idents->num_places > 0)
        free(idents->places[--idents->num_places].bytes);
}

bool ident_wins(const struct ident *ident, const struct ident *adversary)
{
    shoal_identity_questions stock = shoal_stock_identity();
    return stock.wins(stock.context, ident_bytes(ident),
                      ident_bytes(adversary)) == 1;
}
