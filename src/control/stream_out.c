/* SPDX-License-Identifier: MIT */
#include "stream_out.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 4096 /* bytes of the smallest */ };

struct stream_piece {
    struct stream_piece *next;
    size_t begin, end, room;
    uint8_t bytes[];
};

static size_t room_left(const struct stream_out *out)
{
    return out->last ? out->last->room - out->last->end : 0;
}

/* Of the piece for what the last one has no room for. */
static size_t size_of_piece(size_t rest)
{
    size_t size = sizeof(struct stream_piece) + rest;

    return size < PIECE ? PIECE : size;
}

size_t stream_out_growth(const struct stream_out *out, size_t size)
{
    size_t left = room_left(out);

    return size <= left ? 0 : size_of_piece(size - left);
}

static bool add_piece(struct stream_out *out, size_t rest)
{
    size_t size = size_of_piece(rest);
    struct stream_piece *piece = malloc(size);

    if (!piece)
        return false;
    piece->next = NULL;
    piece->begin = piece->end = 0;
    piece->room = size - sizeof *piece;
    if (out->last)
        out->last->next = piece;
    else
        out->first = piece;
    out->last = piece;
    out->held += size;
    return true;
}

static void fill(struct stream_piece *piece, const uint8_t *from, size_t size)
{
    if (size > 0)
        memcpy(piece->bytes + piece->end, from, size);
    piece->end += size;
}

bool stream_out_add(struct stream_out *out, shoal_bytes bytes)
{
    struct stream_piece *last = out->last;
    size_t left = room_left(out);
    size_t head = bytes.size < left ? bytes.size : left;

    if (bytes.size > left && !add_piece(out, bytes.size - left))
        return false;
    if (head > 0)
        fill(last, bytes.data, head);
    if (bytes.size > head)
        fill(out->last, bytes.data + head, bytes.size - head);
    out->waiting += bytes.size;
    return true;
}

shoal_bytes stream_out_next(const struct stream_out *out)
{
    const struct stream_piece *piece = out->first;

    if (!piece)
        return (shoal_bytes){NULL, 0};
    return (shoal_bytes){piece->bytes + piece->begin,
                         piece->end - piece->begin};
}

static void drop_first(struct stream_out *out)
{
    struct stream_piece *piece = out->first;

    out->held -= sizeof *piece + piece->room;
    out->first = piece->next;
    if (!out->first)
        out->last = NULL;
    free(piece);
}

void stream_out_written(struct stream_out *out, size_t size)
{
    out->waiting -= size;
    out->first->begin += size;
    if (out->first->begin == out->first->end)
        drop_first(out);
}

void stream_out_clear(struct stream_out *out)
{
    while (out->first)
        drop_first(out);
    out->waiting = 0;
}
