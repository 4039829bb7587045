/* SPDX-License-Identifier: MIT */
/*
 * What the engine wants the host to do, in order.
 *
 * Effects lie one behind the other in blocks that never move, so that what
 * shoal_next_effect() handed out stays valid while entry points add more. A
 * block that was read is used again.
 */
#ifndef SHOAL_CORE_TABLE_EFFECTS_H
#define SHOAL_CORE_TABLE_EFFECTS_H

#include "mem.h"

struct effects {
    struct effect_block *first; /* being read */
    struct effect_block *last;  /* being written */
    struct effect_block *spare;
    size_t num_spare;
};

void effects_clear(struct effects *effects, struct mem *mem);

/* Makes sure that effects_push()es which together take no more than `size`
 * bytes (effects_size() each) cannot fail. false: out of memory. */
bool effects_reserve(struct effects *effects, struct mem *mem, size_t size);
/* What one effect with `payload` bytes takes. */
size_t effects_size(size_t payload);

/* Adds one, all zeros, with room for `payload` bytes, which start at *bytes.
 * The caller fills both, pointers into the payload included. NULL: out of
 * memory.
 */
shoal_effect *effects_push(struct effects *effects, struct mem *mem,
                           size_t payload, uint8_t **bytes);
/* Takes back the newest effect's last bytes (`payload` as it was pushed). */
void effects_shrink(struct effects *effects, size_t payload, size_t used);
/* Takes back the newest effect. */
void effects_drop(struct effects *effects, size_t payload);

bool effects_next(struct effects *effects, struct mem *mem, shoal_effect *out);

#endif
