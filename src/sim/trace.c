/* SPDX-License-Identifier: MIT */
#include "../base/hash.h"
#include "internal.h"

/* FNV-1a over words instead of bytes; the shift takes the upper half, where the
 * multiplication works best, down to where the next word comes in. */
static void add(sim *net, uint64_t word)
{
    uint64_t hash = (net->trace ^ word) * HASH_PRIME;
    net->trace = hash ^ hash >> 32;
}

void trace_note(sim *net, enum trace what, uint32_t place, uint64_t detail)
{
    add(net, net->now_us);
    add(net, (uint64_t)what << 32 | place);
    add(net, detail);
}

static uint64_t load(const uint8_t *bytes, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return word;
}

void trace_bytes(sim *net, shoal_bytes bytes)
{
    size_t at = 0;
    for (; at + 8 <= bytes.size; at += 8)
        add(net, load(bytes.data + at, 8));
    add(net, load(bytes.data + at, bytes.size - at));
}

uint64_t sim_trace(const sim *net)
{
    return net->trace;
}
