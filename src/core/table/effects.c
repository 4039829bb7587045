/* SPDX-License-Identifier: MIT */
#include "effects.h"

enum {
    BLOCK_SIZE = 8192, /* some five packets of the default size */
    MAX_SPARE = 8      /* blocks kept for the next burst */
};

/* records: [ shoal_effect | payload ] ... ; `record` sizes stand in front so
 * that the reader can step over them. */
struct effect_block {
    struct effect_block *next;
    size_t size, written, read;
    uint8_t bytes[];
};

struct queued_effect {
    size_t size;
    shoal_effect effect;
};

size_t effects_size(size_t payload)
{
    return (sizeof(struct queued_effect) + payload + 7) / 8 * 8;
}

static void free_block(struct mem *mem, struct effect_block *block)
{
    mem_resize(mem, block, sizeof *block + block->size, 0);
}

static void free_list(struct mem *mem, struct effect_block *block)
{
    while (block) {
        struct effect_block *next = block->next;
        free_block(mem, block);
        block = next;
    }
}

void effects_clear(struct effects *effects, struct mem *mem)
{
    free_list(mem, effects->first);
    free_list(mem, effects->spare);
    *effects = (struct effects){0};
}

static struct effect_block *take_block(struct effects *effects, struct mem *mem,
                                       size_t size)
{
    struct effect_block *block = effects->spare;
    if (block && block->size >= size) {
        effects->spare = block->next;
        effects->num_spare--;
    } else {
        if (size < BLOCK_SIZE)
            size = BLOCK_SIZE;
        block = mem_resize(mem, NULL, 0, sizeof *block + size);
        if (!block)
            return NULL;
        block->size = size;
    }
    block->next = NULL;
    block->written = block->read = 0;
    return block;
}

static void recycle(struct effects *effects, struct mem *mem,
                    struct effect_block *block)
{
    if (effects->num_spare >= MAX_SPARE || block->size > 4 * BLOCK_SIZE) {
        free_block(mem, block);
        return;
    }
    block->next = effects->spare;
    effects->spare = block;
    effects->num_spare++;
}

static bool fits(const struct effect_block *block, size_t size)
{
    return block && block->size - block->written >= size;
}

bool effects_reserve(struct effects *effects, struct mem *mem, size_t size)
{
    /* What does not fit the last block goes to its successor, so that one
     * must hold everything. */
    struct effect_block *last = effects->last;
    if (fits(last, size) || (last && fits(last->next, size)))
        return true;
    struct effect_block *block = take_block(effects, mem, size);
    if (!block)
        return false;
    if (!last) {
        effects->first = effects->last = block;
        return true;
    }
    block->next = last->next;
    last->next = block;
    return true;
}

shoal_effect *effects_push(struct effects *effects, struct mem *mem,
                           size_t payload, uint8_t **bytes)
{
    size_t size = effects_size(payload);
    if (!effects_reserve(effects, mem, size))
        return NULL;
    if (!fits(effects->last, size))
        effects->last = effects->last->next;
    struct effect_block *block = effects->last;
    struct queued_effect *record = (void *)(block->bytes + block->written);
    *record = (struct queued_effect){.size = size};
    block->written += size;
    *bytes = (uint8_t *)(record + 1);
    return &record->effect;
}

void effects_shrink(struct effects *effects, size_t payload, size_t used)
{
    struct effect_block *block = effects->last;
    size_t start = block->written - effects_size(payload);
    struct queued_effect *record = (void *)(block->bytes + start);
    record->size = effects_size(used);
    block->written = start + record->size;
}

void effects_drop(struct effects *effects, size_t payload)
{
    effects->last->written -= effects_size(payload);
}

bool effects_next(struct effects *effects, struct mem *mem, shoal_effect *out)
{
    for (;;) {
        struct effect_block *block = effects->first;
        if (!block)
            return false;
        if (block->read < block->written) {
            struct queued_effect *record = (void *)(block->bytes + block->read);
            block->read += record->size;
            *out = record->effect;
            return true;
        }
        if (block == effects->last) {
            block->read = block->written = 0;
            return false;
        }
        effects->first = block->next;
        recycle(effects, mem, block);
    }
}
