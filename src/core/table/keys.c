/* SPDX-License-Identifier: MIT */
#include "keys.h"

enum { FIRST_BUCKETS = 16 };

struct key_cell {
    struct key_cell *next;
    struct entry *entry; /* NULL: it is gone */
    uint32_t hash;
};

static void free_cell(struct keys *keys, struct mem *mem, struct key_cell *cell)
{
    keys->count--;
    mem_free(mem, cell, sizeof *cell);
}

static void free_buckets(struct keys *keys, struct mem *mem)
{
    mem_resize(mem, keys->buckets, keys->num_buckets * sizeof *keys->buckets,
               0);
}

void keys_clear(struct keys *keys, struct mem *mem)
{
    for (uint32_t i = 0; i < keys->num_buckets; i++) {
        for (struct key_cell *cell = keys->buckets[i], *next; cell;
             cell = next) {
            next = cell->next;
            free_cell(keys, mem, cell);
        }
    }
    free_buckets(keys, mem);
    *keys = (struct keys){0};
}

/* Moves the cells that are in use into `buckets`, and frees the others. */
static void rehash(struct keys *keys, struct mem *mem,
                   struct key_cell **buckets, uint32_t num_buckets)
{
    for (uint32_t i = 0; i < keys->num_buckets; i++) {
        for (struct key_cell *cell = keys->buckets[i], *next; cell;
             cell = next) {
            next = cell->next;
            if (!cell->entry) {
                free_cell(keys, mem, cell);
                continue;
            }
            struct key_cell **head = &buckets[cell->hash & (num_buckets - 1)];
            cell->next = *head;
            *head = cell;
        }
    }
    free_buckets(keys, mem);
    keys->buckets = buckets;
    keys->num_buckets = num_buckets;
}

/* Sweeps when there are as many cells as buckets; what is in use then decides
 * how many buckets there shall be. */
static bool make_room(struct keys *keys, struct mem *mem)
{
    if (keys->count < keys->num_buckets)
        return true;
    uint32_t used = 0, wanted = FIRST_BUCKETS;
    for (uint32_t i = 0; i < keys->num_buckets; i++)
        for (struct key_cell *cell = keys->buckets[i]; cell; cell = cell->next)
            used += cell->entry != NULL;
    while (wanted < 2 * (used + 1))
        wanted *= 2;
    struct key_cell **buckets =
        mem_resize(mem, NULL, 0, wanted * sizeof *buckets);
    if (!buckets)
        return false;
    memset(buckets, 0, wanted * sizeof *buckets);
    rehash(keys, mem, buckets, wanted);
    return true;
}

struct entry **keys_owner(struct keys *keys, struct mem *mem, shoal_bytes key,
                          uint32_t hash)
{
    if (!make_room(keys, mem))
        return NULL;
    struct key_cell **head = &keys->buckets[hash & (keys->num_buckets - 1)];
    for (struct key_cell *cell = *head; cell; cell = cell->next) {
        if (cell->entry && cell->hash == hash &&
            bytes_equal(backlog_key(cell->entry), key))
            return &cell->entry;
    }
    struct key_cell *cell = mem_alloc(mem, sizeof *cell);
    if (!cell)
        return NULL;
    *cell = (struct key_cell){.next = *head, .hash = hash};
    *head = cell;
    keys->count++;
    return &cell->entry;
}
