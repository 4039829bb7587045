/* SPDX-License-Identifier: MIT */
/* For test programs in C: expectations that are all looked at, and an exit code
 * that says whether one was wrong. Bytes are written in hex. */
#ifndef SPEC_EXPECT_H
#define SPEC_EXPECT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int expect_wrong;

/* What is being looked at, for the message: a test in a loop sets it. */
static const char *expect_subject = "";

static inline bool expect_true(bool ok, const char *text, const char *file,
                               int line)
{
    if (!ok) {
        expect_wrong++;
        fprintf(stderr, "%s:%d: not so: %s %s\n", file, line, text,
                expect_subject);
    }
    return ok;
}

#define EXPECT(condition)                                                      \
    expect_true((condition), #condition, __FILE__, __LINE__)

static inline int expect_done(void)
{
    if (expect_wrong)
        fprintf(stderr, "%d expectations were wrong\n", expect_wrong);
    return expect_wrong ? 1 : 0;
}

/* Bytes on the heap, exactly as many as there are, so that the address
 * sanitizer sees a read of one too many. Free with free(bytes.data). */
struct bytes {
    uint8_t *data;
    size_t size;
};

static inline struct bytes bytes_copy_of(const void *data, size_t size)
{
    struct bytes bytes = {malloc(size ? size : 1), size};

    if (!bytes.data)
        abort();
    if (size > 0)
        memcpy(bytes.data, data, size);
    return bytes;
}

/* From hex digits; spaces are skipped. */
static inline struct bytes bytes_of_hex(const char *hex)
{
    struct bytes bytes = bytes_copy_of(hex, strlen(hex));
    unsigned byte;

    bytes.size = 0;
    while (*hex) {
        if (*hex == ' ') {
            hex++;
            continue;
        }
        if (sscanf(hex, "%2x", &byte) != 1)
            abort();
        bytes.data[bytes.size++] = (uint8_t)byte;
        hex += 2;
    }
    bytes.data = realloc(bytes.data, bytes.size ? bytes.size : 1);
    return bytes;
}

static inline bool bytes_are(const uint8_t *data, size_t size, const char *hex)
{
    struct bytes wanted = bytes_of_hex(hex);
    bool same = wanted.size == size &&
                (size == 0 || memcmp(wanted.data, data, size) == 0);

    free(wanted.data);
    return same;
}

#endif
