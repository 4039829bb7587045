/* SPDX-License-Identifier: MIT */
/*
 * The engine's memory: a pool over the embedder's allocator.
 *
 * Small blocks (identities, backlog entries) come from chunks and go back to
 * free lists by size, so that members coming and going cost no call of the
 * allocator and no header per block. Arrays that grow, and large blocks, go to
 * the allocator directly. Chunks are kept until mem_clear().
 */
#ifndef SHOAL_CORE_TABLE_MEM_H
#define SHOAL_CORE_TABLE_MEM_H

#include "../../shoal.h"

enum {
    MEM_STEP = 8, /* blocks are rounded up to this many bytes */
    /* Larger ones are not pooled: no two sizes share what was freed. */
    MEM_MAX_POOLED = 256,
    MEM_CLASSES = MEM_MAX_POOLED / MEM_STEP
};

/* A hint that `at` is needed soon. It reads nothing and changes nothing; `at`
 * may be NULL. */
#if defined(__GNUC__)
#define mem_warm(at) __builtin_prefetch(at)
#else
#define mem_warm(at) ((void)(at))
#endif

struct mem {
    shoal_allocator allocator;
    size_t held; /* bytes that we have from the allocator */
    struct mem_chunk *chunks;
    uint8_t *fresh, *end; /* what no one has used yet of the newest chunk */
    void *free[MEM_CLASSES];
};

void mem_init(struct mem *mem, shoal_allocator allocator);
/* Frees the pool; blocks of mem_resize() must have gone before. */
void mem_clear(struct mem *mem);

/* A block of `size` > 0 bytes, uninitialised; NULL: out of memory. */
void *mem_alloc(struct mem *mem, size_t size);
/* `size` as given to mem_alloc(). NULL is fine. */
void mem_free(struct mem *mem, void *block, size_t size);
/* The allocator itself: for arrays. NULL: out of memory, `block` untouched. */
void *mem_resize(struct mem *mem, void *block, size_t old_size,
                 size_t new_size);

#endif
