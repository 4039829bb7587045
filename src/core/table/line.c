/* SPDX-License-Identifier: MIT */
#include "line.h"

#include "member.h"

enum { SMALLEST = 16 };

void line_clear(struct line *line, struct mem *mem)
{
    mem_resize(mem, line->slots, line->capacity * sizeof *line->slots, 0);
    *line = (struct line){0};
}

static void close_up(struct line *line, line_moved *moved, void *context)
{
    uint32_t to = 0;
    for (uint32_t at = line->head; at < line->tail; at++) {
        uint32_t slot = line->slots[at];
        if (slot == NO_SLOT)
            continue;
        line->slots[to] = slot;
        moved(context, slot, to++);
    }
    line->head = 0;
    line->tail = to;
}

/* Doubles while it is small, then grows by an eighth, as members' arrays do. */
static bool grow(struct line *line, struct mem *mem)
{
    uint32_t before = line->capacity;
    uint32_t capacity = before < 1024 ? before * 2 : before + before / 8;
    if (capacity < SMALLEST)
        capacity = SMALLEST;
    uint32_t *slots = mem_resize(mem, line->slots, before * sizeof *line->slots,
                                 capacity * sizeof *line->slots);
    if (!slots)
        return false;
    line->slots = slots;
    line->capacity = capacity;
    return true;
}

bool line_reserve(struct line *line, struct mem *mem, line_moved *moved,
                  void *context)
{
    if (line->tail < line->capacity)
        return true;
    if (line->count > line->capacity / 4 * 3)
        return grow(line, mem);
    close_up(line, moved, context);
    return line->tail < line->capacity || grow(line, mem);
}

uint32_t line_append(struct line *line, uint32_t slot)
{
    line->slots[line->tail] = slot;
    line->count++;
    return line->tail++;
}

void line_remove(struct line *line, uint32_t at)
{
    line->slots[at] = NO_SLOT;
    line->count--;
    while (line->head < line->tail && line->slots[line->head] == NO_SLOT)
        line->head++;
    while (line->tail > line->head && line->slots[line->tail - 1] == NO_SLOT)
        line->tail--;
    if (line->count == 0)
        line->head = line->tail = 0;
}

uint32_t line_oldest(const struct line *line)
{
    return line->slots[line->head];
}

uint32_t line_from_end(const struct line *line, uint32_t rank)
{
    uint32_t length = line->tail - line->head;
    uint32_t at = line->tail - 1 - (rank < length ? rank : length - 1);
    while (line->slots[at] == NO_SLOT) /* the first one is no hole */
        at--;
    return line->slots[at];
}
