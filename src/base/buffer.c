/* SPDX-License-Identifier: MIT */
#include "buffer.h"

#include <stdlib.h>

enum { LEAST = 256 /* bytes worth asking for */ };

static void move_up(struct buffer *buffer)
{
    size_t size = buffer_size(buffer);

    if (buffer->begin > 0 && size > 0)
        memmove(buffer->data, buffer->data + buffer->begin, size);
    buffer->begin = 0;
    buffer->end = size;
}

/* Twice what is needed, as far as it may. */
static bool grow(struct buffer *buffer, size_t needed, size_t most)
{
    size_t room = needed > most / 2 ? most : 2 * needed;
    uint8_t *data;

    if (room < LEAST)
        room = LEAST;
    data = realloc(buffer->data, room);
    if (!data)
        return false;
    buffer->data = data;
    buffer->room = room;
    return true;
}

bool buffer_add(struct buffer *buffer, shoal_bytes bytes, size_t most)
{
    size_t size = buffer_size(buffer);

    if (size > most || bytes.size > most - size)
        return false;
    if (buffer->end + bytes.size > buffer->room)
        move_up(buffer);
    if (buffer->end + bytes.size > buffer->room &&
        !grow(buffer, size + bytes.size, most))
        return false;
    (void)bytes_copy(buffer->data + buffer->end, bytes);
    buffer->end += bytes.size;
    return true;
}

size_t buffer_add_some(struct buffer *buffer, shoal_bytes bytes, size_t most)
{
    size_t size = buffer_size(buffer), room = most > size ? most - size : 0;

    if (bytes.size > room)
        bytes.size = room;
    return buffer_add(buffer, bytes, most) ? bytes.size : 0;
}

void buffer_take(struct buffer *buffer, size_t size)
{
    buffer->begin += size < buffer_size(buffer) ? size : buffer_size(buffer);
    if (buffer->begin == buffer->end)
        buffer->begin = buffer->end = 0;
}

void buffer_cut(struct buffer *buffer, size_t size)
{
    if (size < buffer_size(buffer))
        buffer->end = buffer->begin + size;
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
