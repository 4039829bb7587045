/* SPDX-License-Identifier: MIT */
#include "table_names.h"

#include "../base/bytes.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 64, FIRST_SLOTS = 4 };

bool names_init(struct table_names *names, uint64_t key)
{
    names->key = key;
    names->num_buckets = FIRST_BUCKETS;
    names->buckets = calloc(names->num_buckets, sizeof(struct table_name *));
    return names->buckets != NULL;
}

void names_clear(struct table_names *names)
{
    free(names->buckets);
}

/* ---- By their labels ---- */

static struct table_name **find(const struct table_names *names,
                                shoal_bytes labels, uint32_t hash)
{
    struct table_name **at = &names->buckets[hash & (names->num_buckets - 1)];

    while (*at && ((*at)->hash != hash || !bytes_equal((*at)->labels, labels)))
        at = &(*at)->next;
    return at;
}

struct table_name *names_find(const struct table_names *names,
                              shoal_bytes labels)
{
    return *find(names, labels, bytes_hash(labels, names->key));
}

/* If there is no memory, the lists are longer. */
static void grow(struct table_names *names)
{
    size_t i, count = names->num_buckets * 2;
    struct table_name **buckets = calloc(count, sizeof *buckets), *name;

    if (!buckets)
        return;
    for (i = 0; i < names->num_buckets; i++)
        while ((name = names->buckets[i])) {
            names->buckets[i] = name->next;
            name->next = buckets[name->hash & (count - 1)];
            buckets[name->hash & (count - 1)] = name;
        }
    free(names->buckets);
    names->buckets = buckets;
    names->num_buckets = count;
}

static struct table_name *make(struct table_names *names, shoal_bytes labels,
                               uint32_t hash)
{
    struct table_name *name = calloc(1, sizeof *name + labels.size), **at;

    if (!name)
        return NULL;
    bytes_copy((uint8_t *)(name + 1), labels);
    name->labels = (shoal_bytes){(uint8_t *)(name + 1), labels.size};
    name->hash = hash;
    if (names->count >= names->num_buckets)
        grow(names);
    at = &names->buckets[hash & (names->num_buckets - 1)];
    name->next = *at;
    *at = name;
    names->count++;
    return name;
}

/* "service", "node" and "addr" are always there, and not among these. */
static bool has_parent(shoal_bytes labels)
{
    shoal_bytes parent = label_rest(labels);

    return parent.size > 0 && label_rest(parent).size > 0;
}

struct table_name *names_use(struct table_names *names, shoal_bytes labels)
{
    uint32_t hash = bytes_hash(labels, names->key);
    struct table_name *name = *find(names, labels, hash);

    if (name) {
        name->uses++;
        return name;
    }
    if (has_parent(labels) && !names_use(names, label_rest(labels)))
        return NULL;
    name = make(names, labels, hash);
    if (name)
        name->uses = 1;
    else if (has_parent(labels))
        names_release(names, names_find(names, label_rest(labels)));
    return name;
}

void names_release(struct table_names *names, struct table_name *name)
{
    if (--name->uses > 0)
        return;
    if (has_parent(name->labels))
        names_release(names, names_find(names, label_rest(name->labels)));
    *find(names, name->labels, name->hash) = name->next;
    names->count--;
    free(name->slots);
    free(name);
}

/* ---- Their entries ---- */

static bool has_room(struct table_name *name)
{
    uint32_t room = name->room ? name->room * 2 : FIRST_SLOTS;
    struct table_slot *slots;

    if (name->count < name->room)
        return true;
    slots = realloc(name->slots, room * sizeof *slots);
    if (!slots)
        return false;
    name->slots = slots;
    name->room = room;
    return true;
}

static bool has_name(const struct table_entry *entry,
                     const struct table_name *name)
{
    uint32_t i;

    for (i = 0; i < entry->num_places; i++)
        if (entry->places[i].name == name)
            return true;
    return false;
}

bool names_add(struct table_names *names, struct table_entry *entry,
               shoal_bytes labels)
{
    struct table_name *name = names_use(names, labels);
    uint32_t place = entry->num_places;

    if (!name)
        return false;
    if (has_name(entry, name)) {
        names_release(names, name);
        return true;
    }
    if (entry->is_passing && !has_room(name)) {
        names_release(names, name);
        return false;
    }
    entry->places[entry->num_places++] =
        (struct table_place){name, TABLE_NOWHERE};
    if (!entry->is_passing)
        return true;
    if (name->count == 0)
        name->max_weight = 0;
    if (entry->weight > name->max_weight)
        name->max_weight = entry->weight;
    entry->places[place].at = name->count;
    name->slots[name->count++] =
        (struct table_slot){entry, place, entry->weight};
    return true;
}

static void move(struct table_name *name, uint32_t to, struct table_slot slot)
{
    name->slots[to] = slot;
    slot.entry->places[slot.place].at = to;
}

void names_remove(struct table_names *names, struct table_entry *entry,
                  uint32_t place)
{
    struct table_name *name = entry->places[place].name;
    uint32_t at = entry->places[place].at;

    if (at != TABLE_NOWHERE)
        move(name, at, name->slots[--name->count]);
    names_release(names, name);
}

/* ---- Their order ---- */

enum { EXACTLY = 256, TRIES = 32 };

static uint16_t weight_at(const struct table_name *name, uint32_t i)
{
    return name->slots[i].weight;
}

static uint32_t choose_exactly(const struct table_name *name, uint32_t from,
                               struct rng *rng)
{
    uint32_t i, total = 0, left;

    for (i = from; i < name->count; i++)
        total += weight_at(name, i);
    if (total == 0)
        return from + rng_below(rng, name->count - from);
    left = rng_below(rng, total);
    for (i = from; left >= weight_at(name, i); i++)
        left -= weight_at(name, i);
    return i;
}

/* Somebody at random, who is taken with the probability of its weight. */
static uint32_t choose_roughly(const struct table_name *name, uint32_t from,
                               struct rng *rng)
{
    uint32_t i = from, tries;

    for (tries = 0; tries < TRIES; tries++) {
        i = from + rng_below(rng, name->count - from);
        if (name->max_weight == 0 ||
            rng_below(rng, name->max_weight) < weight_at(name, i))
            break;
    }
    return i;
}

void table_shuffle(struct table_name *name, uint32_t from, struct rng *rng)
{
    uint32_t i = name->count - from <= EXACTLY
                     ? choose_exactly(name, from, rng)
                     : choose_roughly(name, from, rng);
    struct table_slot chosen = name->slots[i];

    move(name, i, name->slots[from]);
    move(name, from, chosen);
}
