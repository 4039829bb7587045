/* SPDX-License-Identifier: MIT */
#include "table_names.h"

#include "../base/bytes.h"

#include <stdlib.h>

enum { FIRST_BUCKETS = 64 };

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

static void free_lists(struct table_name *name)
{
    int kind;

    for (kind = 0; name->lists && kind < TABLE_NUM_KINDS; kind++)
        free(name->lists[kind].slots);
    free(name->lists);
}

void names_release(struct table_names *names, struct table_name *name)
{
    if (--name->uses > 0)
        return;
    if (has_parent(name->labels))
        names_release(names, names_find(names, label_rest(name->labels)));
    *find(names, name->labels, name->hash) = name->next;
    names->count--;
    free_lists(name);
    free(name);
}

/* ---- Their entries ---- */

static bool has_record(const struct table_entry *entry, enum table_kind kind)
{
    switch (kind) {
    case TABLE_A:
        return entry->weight > 0 && entry->host.size == 4;
    case TABLE_AAAA:
        return entry->weight > 0 && entry->host.size == 16;
    case TABLE_SRV:
        return entry->port > 0 &&
               (entry->host_name || entry->other_host.size > 0);
    default:
        return entry->texts.size > 0;
    }
}

static bool has_room(struct table_list *list)
{
    uint32_t room = list->room ? list->room * 2 : 1;
    struct table_slot *slots;

    if (list->count < list->room)
        return true;
    slots = realloc(list->slots, room * sizeof *slots);
    if (!slots)
        return false;
    list->slots = slots;
    list->room = room;
    return true;
}

/* In each list where it is to be. */
static bool has_room_for(struct table_name *name,
                         const struct table_entry *entry)
{
    int kind;

    if (!name->lists)
        name->lists = calloc(TABLE_NUM_KINDS, sizeof *name->lists);
    if (!name->lists)
        return false;
    for (kind = 0; kind < TABLE_NUM_KINDS; kind++)
        if (has_record(entry, kind) && !has_room(&name->lists[kind]))
            return false;
    return true;
}

static void append(struct table_entry *entry, uint32_t place,
                   enum table_kind kind)
{
    struct table_list *list = &entry->places[place].name->lists[kind];

    if (list->count == 0)
        list->max_weight = 0;
    if (entry->weight > list->max_weight)
        list->max_weight = entry->weight;
    entry->places[place].at[kind] = list->count;
    list->slots[list->count++] =
        (struct table_slot){entry, place, entry->weight};
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
    int kind;

    if (!name)
        return false;
    if (has_name(entry, name)) {
        names_release(names, name);
        return true;
    }
    if (entry->is_passing && !has_room_for(name, entry)) {
        names_release(names, name);
        return false;
    }
    entry->places[entry->num_places++].name = name;
    for (kind = 0; kind < TABLE_NUM_KINDS; kind++) {
        entry->places[place].at[kind] = TABLE_NOWHERE;
        if (entry->is_passing && has_record(entry, kind))
            append(entry, place, kind);
    }
    return true;
}

static void move(struct table_list *list, enum table_kind kind, uint32_t to,
                 struct table_slot slot)
{
    list->slots[to] = slot;
    slot.entry->places[slot.place].at[kind] = to;
}

/* Once in a while, so that a change costs no more with many entries. */
static void look_for_max(struct table_list *list)
{
    uint32_t i;

    if (++list->removed < list->count)
        return;
    list->removed = 0;
    list->max_weight = 0;
    for (i = 0; i < list->count; i++)
        if (list->slots[i].weight > list->max_weight)
            list->max_weight = list->slots[i].weight;
}

static void remove_from(struct table_list *list, enum table_kind kind,
                        uint32_t at)
{
    move(list, kind, at, list->slots[--list->count]);
    look_for_max(list);
}

void names_remove(struct table_names *names, struct table_entry *entry,
                  uint32_t place)
{
    struct table_name *name = entry->places[place].name;
    const uint32_t *at = entry->places[place].at;
    int kind;

    for (kind = 0; kind < TABLE_NUM_KINDS; kind++)
        if (at[kind] != TABLE_NOWHERE)
            remove_from(&name->lists[kind], kind, at[kind]);
    names_release(names, name);
}

/* ---- Their order ---- */

/* The first of an answer are what a client uses. */
enum { EXACTLY = 256, FIRST = 8, TRIES_FIRST = 32, TRIES = 4 };

static uint32_t choose_exactly(const struct table_list *list, uint32_t from,
                               struct rng *rng)
{
    uint32_t i, total = 0, left;

    for (i = from; i < list->count; i++)
        total += list->slots[i].weight;
    if (total == 0)
        return from + rng_below(rng, list->count - from);
    left = rng_below(rng, total);
    for (i = from; left >= list->slots[i].weight; i++)
        left -= list->slots[i].weight;
    return i;
}

/* Somebody at random, who is taken with the probability of its weight. */
static uint32_t choose_roughly(const struct table_list *list, uint32_t from,
                               struct rng *rng)
{
    uint32_t i = from, tries = from < FIRST ? TRIES_FIRST : TRIES;

    while (tries-- > 0) {
        i = from + rng_below(rng, list->count - from);
        if (list->max_weight == 0 ||
            rng_below(rng, list->max_weight) < list->slots[i].weight)
            break;
    }
    return i;
}

void table_shuffle(struct table_name *name, enum table_kind kind, uint32_t from,
                   struct rng *rng)
{
    struct table_list *list = &name->lists[kind];
    uint32_t i = list->count - from <= EXACTLY
                     ? choose_exactly(list, from, rng)
                     : choose_roughly(list, from, rng);
    struct table_slot chosen = list->slots[i];

    move(list, kind, i, list->slots[from]);
    move(list, kind, from, chosen);
}

uint32_t table_count(const struct table_name *name, enum table_kind kind)
{
    return name->lists ? name->lists[kind].count : 0;
}

struct table_entry *table_at(const struct table_name *name,
                             enum table_kind kind, uint32_t i)
{
    return name->lists[kind].slots[i].entry;
}
