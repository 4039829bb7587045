/* SPDX-License-Identifier: MIT */
/*
 * Bytes that wait: added at the end, taken from the front. What is taken is not
 * moved up for, so taking costs nothing, however much waits behind it.
 *
 * A buffer that is all zero is empty; it has no memory before something is
 * added.
 */
#ifndef SHOAL_BASE_BUFFER_H
#define SHOAL_BASE_BUFFER_H

#include "bytes.h"

struct buffer {
    uint8_t *data;
    size_t begin, end; /* of what waits, in `data` */
    size_t room;
};

static inline size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->begin;
}

/* What waits; borrowed until the next call. */
static inline shoal_bytes buffer_bytes(const struct buffer *buffer)
{
    return bytes_of(buffer->data ? buffer->data + buffer->begin : NULL,
                    buffer_size(buffer));
}

/* Copies all of it or nothing. false: no memory, or more than `most` bytes
 * would wait. */
bool buffer_add(struct buffer *buffer, shoal_bytes bytes, size_t most);
/* Copies as much as `most` lets in, from the front of `bytes`, and returns how
 * much that was; 0, too, when there is no memory. */
size_t buffer_add_some(struct buffer *buffer, shoal_bytes bytes, size_t most);
/* Takes `size` bytes from the front, no more than there are. */
void buffer_take(struct buffer *buffer, size_t size);
/* Keeps the first `size` bytes, no more than there are. */
void buffer_cut(struct buffer *buffer, size_t size);
/* Frees its memory; then it is empty. */
void buffer_clear(struct buffer *buffer);

#endif
