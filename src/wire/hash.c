/* SPDX-License-Identifier: MIT */
#include "wire.h"

static uint64_t word_le(const uint8_t *at, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)at[i] << (8 * i);
    return word;
}

uint32_t wire_hash(shoal_bytes bytes)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t hash = bytes.size;
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    for (; left >= 8; at += 8, left -= 8) {
        hash = (hash ^ word_le(at, 8)) * odd;
        hash ^= hash >> 29;
    }
    hash = (hash ^ word_le(at, left)) * odd;
    return (uint32_t)(hash >> 32);
}
