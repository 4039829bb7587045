/* SPDX-License-Identifier: MIT */
/*
 * Walking over MessagePack that check_value() has found whole, so that lengths
 * and counts are true and nesting is bounded.
 */
#ifndef SHOAL_WIRE_WALK_H
#define SHOAL_WIRE_WALK_H

#include "../base/bytes.h"
#include "check.h"

#include <string.h>

/* Well-formed bytes being walked. */
struct walk {
    const uint8_t *at, *end;
};

/* Takes the head of the next value off. */
static inline struct check_head take_head(struct walk *walk)
{
    struct check_head head;

    if (check_head(walk->at, (size_t)(walk->end - walk->at), &head))
        head = (struct check_head){.type = CHECK_NIL, .size = 1};
    walk->at += head.size;
    return head;
}

/* An integer as its 64 bits, and whether it is below 0. */
struct integer {
    uint64_t bits;
    bool negative;
};

/* `at` is behind the head. */
static inline struct integer read_integer(const struct check_head *head,
                                          const uint8_t *at)
{
    size_t size = (size_t)head->body;
    struct integer value = {0, false};

    if (size == 0) { /* in the lead byte itself */
        uint8_t lead = at[-1];

        value.negative = lead >= 0xe0;
        value.bits = value.negative ? (uint64_t)(int8_t)lead : lead;
        return value;
    }
    value.bits = bytes_big_endian(at, size);
    if (head->type == CHECK_INT && at[0] & 0x80) {
        value.negative = true;
        if (size < 8)
            value.bits |= UINT64_MAX << (8 * size);
    }
    return value;
}

static inline double read_float(const struct check_head *head,
                                const uint8_t *at)
{
    uint64_t bits = bytes_big_endian(at, (size_t)head->body);
    uint32_t half = (uint32_t)bits;
    double wide;
    float narrow;

    if (head->body == 8) {
        memcpy(&wide, &bits, sizeof wide);
        return wide;
    }
    memcpy(&narrow, &half, sizeof narrow);
    return (double)narrow;
}

#endif
