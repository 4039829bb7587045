/* SPDX-License-Identifier: MIT */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

enum {
    LEAST_ROOM = 4096, /* bytes worth a system call */
    KEPT = 16 * 1024   /* that an empty frame may hold */
};

static void expect_value(struct frame *frame)
{
    check_init(&frame->check, frame->limit, CHECK_DEEPEST);
}

void frame_init(struct frame *frame, size_t limit)
{
    memset(frame, 0, sizeof *frame);
    frame->limit = limit;
    expect_value(frame);
}

void frame_clear(struct frame *frame)
{
    free(frame->bytes);
    memset(frame, 0, sizeof *frame);
}

/* Moves what is left to the front. */
static void compact(struct frame *frame)
{
    if (frame->begin == 0)
        return;
    frame->size -= frame->begin;
    memmove(frame->bytes, frame->bytes + frame->begin, frame->size);
    frame->begin = 0;
}

size_t frame_growth(const struct frame *frame)
{
    size_t used = frame->size - frame->begin;

    return frame->capacity - used < LEAST_ROOM ? frame->capacity + LEAST_ROOM
                                               : 0;
}

void frame_trim(struct frame *frame)
{
    if (frame->size > frame->begin || frame->capacity <= KEPT)
        return;
    free(frame->bytes);
    frame->bytes = NULL;
    frame->begin = frame->size = frame->capacity = 0;
}

uint8_t *frame_room(struct frame *frame, size_t *room)
{
    size_t growth;

    compact(frame);
    growth = frame_growth(frame);
    if (growth > 0) {
        size_t capacity = frame->capacity + growth;
        uint8_t *bytes = realloc(frame->bytes, capacity);

        if (!bytes)
            return NULL;
        frame->bytes = bytes;
        frame->capacity = capacity;
    }
    *room = frame->capacity - frame->size;
    return frame->bytes + frame->size;
}

void frame_filled(struct frame *frame, size_t size)
{
    frame->size += size;
}

/* As frame_next(). */
static int next_line(struct frame *frame, shoal_bytes *line)
{
    size_t size = frame->size - frame->begin;
    const uint8_t *begin = frame->bytes + frame->begin;
    const uint8_t *end =
        memchr(begin + frame->looked_at, '\n', size - frame->looked_at);

    if (!end) {
        frame->looked_at = size;
        return size < frame->limit ? 0 : -1;
    }
    size = (size_t)(end - begin);
    frame->begin += size + 1;
    frame->looked_at = 0;
    if (size > 0 && begin[size - 1] == '\r')
        size--;
    *line = (shoal_bytes){begin, size};
    return size < frame->limit ? 1 : -1;
}

static void find_kind(struct frame *frame, uint8_t first)
{
    frame->is_begun = true;
    frame->is_lines = frame->may_be_lines && first < 0x80;
}

int frame_next(struct frame *frame, shoal_bytes *message)
{
    size_t size = frame->size - frame->begin;
    const uint8_t *begin;
    int result;

    if (size == 0)
        return 0;
    begin = frame->bytes + frame->begin;
    if (!frame->is_begun)
        find_kind(frame, *begin);
    if (frame->is_lines)
        return next_line(frame, message);
    result = check_more(&frame->check, begin, size);
    if (result == CHECK_TRUNCATED)
        return 0;
    if (result != 0)
        return -1;
    *message = (shoal_bytes){begin, frame->check.used};
    frame->begin += frame->check.used;
    expect_value(frame);
    return 1;
}
