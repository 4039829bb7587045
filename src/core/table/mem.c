/* SPDX-License-Identifier: MIT */
#include "mem.h"

#include <stdlib.h>

/* Under AddressSanitizer free pool memory is poisoned, so that the pool does
 * not hide a use after free. */
#if defined(__SANITIZE_ADDRESS__)
#define MEM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEM_ASAN 1
#endif
#endif
#ifdef MEM_ASAN
#include <sanitizer/asan_interface.h>
#define mem_poison(at, size)   ASAN_POISON_MEMORY_REGION(at, size)
#define mem_unpoison(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define mem_poison(at, size)   ((void)(at), (void)(size))
#define mem_unpoison(at, size) ((void)(at), (void)(size))
#endif

enum {
    MEM_FIRST_CHUNK = 4096, /* a node of a small cluster needs no more */
    MEM_LAST_CHUNK = 65536
};

struct mem_chunk {
    struct mem_chunk *next;
    size_t size;
};

static void *libc_realloc(void *context, void *block, size_t old_size,
                          size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size > 0)
        return realloc(block, new_size);
    free(block);
    return NULL;
}

void mem_init(struct mem *mem, shoal_allocator allocator)
{
    *mem = (struct mem){.allocator = allocator};
    if (!mem->allocator.realloc)
        mem->allocator.realloc = libc_realloc;
}

void mem_clear(struct mem *mem)
{
    struct mem_chunk *chunk = mem->chunks;
    while (chunk) {
        struct mem_chunk *next = chunk->next;
        mem_unpoison(chunk, chunk->size);
        mem_resize(mem, chunk, chunk->size, 0);
        chunk = next;
    }
    mem->chunks = NULL;
}

void *mem_resize(struct mem *mem, void *block, size_t old_size, size_t new_size)
{
    if (!block && new_size == 0)
        return NULL;
    void *moved = mem->allocator.realloc(mem->allocator.context, block,
                                         old_size, new_size);
    if (moved || new_size == 0)
        mem->held += new_size - old_size;
    return moved;
}

static size_t class_of(size_t size)
{
    return (size + MEM_STEP - 1) / MEM_STEP - 1;
}

static size_t class_size(size_t class)
{
    return (class + 1) * MEM_STEP;
}

static void push_free(struct mem *mem, void *block, size_t class)
{
    *(void **)block = mem->free[class];
    mem->free[class] = block;
    mem_poison(block, class_size(class));
}

/* A new chunk; what is left of the old one goes to the free lists. */
static bool add_chunk(struct mem *mem)
{
    size_t size = mem->held / 8;
    if (size < MEM_FIRST_CHUNK)
        size = MEM_FIRST_CHUNK;
    if (size > MEM_LAST_CHUNK)
        size = MEM_LAST_CHUNK;
    size -= size % MEM_STEP;
    struct mem_chunk *chunk = mem_resize(mem, NULL, 0, size);
    if (!chunk)
        return false;
    size_t left = (size_t)(mem->end - mem->fresh);
    if (left >= MEM_STEP) {
        mem_unpoison(mem->fresh, left);
        push_free(mem, mem->fresh, class_of(left));
    }
    *chunk = (struct mem_chunk){mem->chunks, size};
    mem->chunks = chunk;
    mem->fresh = (uint8_t *)(chunk + 1);
    mem->end = (uint8_t *)chunk + size;
    mem_poison(mem->fresh, (size_t)(mem->end - mem->fresh));
    return true;
}

void *mem_alloc(struct mem *mem, size_t size)
{
    if (size > MEM_MAX_POOLED)
        return mem_resize(mem, NULL, 0, size);
    size_t class = class_of(size), rounded = class_size(class);
    void *block = mem->free[class];
    if (block) {
        mem_unpoison(block, rounded);
        mem->free[class] = *(void **)block;
        return block;
    }
    if ((size_t)(mem->end - mem->fresh) < rounded && !add_chunk(mem))
        return NULL;
    block = mem->fresh;
    mem->fresh += rounded;
    mem_unpoison(block, rounded);
    return block;
}

void mem_free(struct mem *mem, void *block, size_t size)
{
    if (!block)
        return;
    if (size > MEM_MAX_POOLED)
        mem_resize(mem, block, size, 0);
    else
        push_free(mem, block, class_of(size));
}
