/* SPDX-License-Identifier: MIT */
/*
 * Finds the MessagePack values in a stream of bytes: for both ends of a control
 * connection. Each byte is looked at once, however finely the stream is cut.
 *
 * Where it is said that lines will do as well, a stream whose first byte is an
 * ASCII character is one of lines: no message that somebody would begin with is
 * such a value.
 */
#ifndef SHOAL_CONTROL_FRAME_H
#define SHOAL_CONTROL_FRAME_H

#include "../wire/check.h"

struct frame {
    uint8_t *bytes; /* what came and was not taken yet */
    size_t begin, size, capacity;
    size_t limit;       /* bytes that a value, or a line, may have */
    bool may_be_lines;  /* to be set after frame_init() */
    bool is_begun;      /* it is known which of the two it is ... */
    bool is_lines;      /* ... this */
    size_t looked_at;   /* bytes behind `begin` in which no line ends */
    struct check check; /* of the value at `begin` */
};

void frame_init(struct frame *frame, size_t limit);
void frame_clear(struct frame *frame);
/* How much more memory frame_room() will take. */
size_t frame_growth(const struct frame *frame);
/* Gives back much memory that nothing is in. Invalidates what frame_next()
 * gave. */
void frame_trim(struct frame *frame);
/* Room for `*room` (at least 1) more bytes, to be filled from the front and
 * told with frame_filled(). NULL: no memory. Invalidates what frame_next()
 * gave. */
uint8_t *frame_room(struct frame *frame, size_t *room);
void frame_filled(struct frame *frame, size_t size);
/* 1 and the next complete value, or line without its end (borrowed until
 * frame_room()), 0 when more bytes are needed, or -1: this is no MessagePack,
 * or more than `limit` bytes of it. */
int frame_next(struct frame *frame, shoal_bytes *message);

#endif
