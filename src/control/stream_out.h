/* SPDX-License-Identifier: MIT */
/*
 * Bytes that wait to be written to a peer, in pieces: what is written is given
 * back at once, and nothing is ever moved, however slowly the peer reads.
 */
#ifndef SHOAL_HOST_STREAM_OUT_H
#define SHOAL_HOST_STREAM_OUT_H

#include "../shoal.h"

struct stream_piece;

/* Zeroed, it is empty. */
struct stream_out {
    struct stream_piece *first, *last;
    size_t waiting; /* bytes */
    size_t held;    /* bytes of memory */
};

/* How much more memory it will hold once `size` bytes are added. */
size_t stream_out_growth(const struct stream_out *out, size_t size);
/* Copies them. false: no memory, and nothing was added. */
bool stream_out_add(struct stream_out *out, shoal_bytes bytes);
/* What is to be written next; empty when nothing waits. Borrowed until the next
 * call. */
shoal_bytes stream_out_next(const struct stream_out *out);
/* So many of those were. */
void stream_out_written(struct stream_out *out, size_t size);
void stream_out_clear(struct stream_out *out);

#endif
