/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers share. Each is a libFuzzer target, built by clang with the
 * address and undefined behaviour sanitizers (`make fuzz`): it takes any bytes,
 * and must come back with nothing broken.
 */
#ifndef SPEC_FUZZ_H
#define SPEC_FUZZ_H

#include "../../src/shoal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold: else the input is a finding. */
#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,         \
                    #condition);                                               \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* The input, taken from its front; zeros when it is used up. */
struct input {
    const uint8_t *data;
    size_t size;
};

static inline uint8_t input_byte(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

static inline uint16_t input_u16(struct input *input)
{
    uint16_t high = input_byte(input);
    return (uint16_t)(high << 8 | input_byte(input));
}

/* Up to `size` bytes. */
static inline shoal_bytes input_bytes(struct input *input, size_t size)
{
    if (size > input->size)
        size = input->size;
    shoal_bytes bytes = {input->data, size};
    input->data += size;
    input->size -= size;
    return bytes;
}

#endif
