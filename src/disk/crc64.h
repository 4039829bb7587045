/* SPDX-License-Identifier: MIT */
/*
 * CRC-64/XZ. It finds every error of up to 64 bits in a row for certain, and
 * any other but for one in 2^64; a hash can promise only the latter. Whoever
 * may write the file can make it right: against that there are the modes of the
 * file and its folder.
 */
#ifndef SHOAL_DISK_CRC64_H
#define SHOAL_DISK_CRC64_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t crc64_entry(uint64_t value)
{
    for (int bit = 0; bit < 8; bit++)
        value = value >> 1 ^ (value & 1 ? UINT64_C(0xc96c5795d7870f42) : 0);
    return value;
}

static inline uint64_t crc64(const uint8_t *data, size_t size)
{
    uint64_t table[256], crc = UINT64_MAX;

    for (unsigned i = 0; i < 256; i++)
        table[i] = crc64_entry(i);
    for (size_t i = 0; i < size; i++)
        crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}

#endif
