/* SPDX-License-Identifier: MIT */
/*
 * Slots in the order in which they were put in, the oldest first.
 *
 *   slots   [ - 7 - 3 12 - 9 ]      -: taken out
 *               ^head        ^tail
 *
 * Taking one out leaves a hole, so that the others keep their places, and the
 * line is closed up when holes take up a quarter of it: all of it costs O(1),
 * amortized.
 */
#ifndef SHOAL_CORE_TABLE_LINE_H
#define SHOAL_CORE_TABLE_LINE_H

#include "mem.h"

struct line {
    uint32_t *slots;
    uint32_t head, tail; /* the first one, and behind the last one */
    uint32_t count, capacity;
};

/* Called for each slot, with the place where it stands now. */
typedef void line_moved(void *context, uint32_t slot, uint32_t at);

void line_clear(struct line *line, struct mem *mem);
/* Makes room so that one line_append() cannot fail. false: out of memory. */
bool line_reserve(struct line *line, struct mem *mem, line_moved *moved,
                  void *context);
/* The place where it stands now. */
uint32_t line_append(struct line *line, uint32_t slot);
void line_remove(struct line *line, uint32_t at);
/* The slot that was put in first. The line must not be empty. */
uint32_t line_oldest(const struct line *line);
/* The slot at or, where there is a hole, before `rank` places from the end (0:
 * the latest). The line must not be empty. */
uint32_t line_from_end(const struct line *line, uint32_t rank);

#endif
