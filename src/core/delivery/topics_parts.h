/* SPDX-License-Identifier: MIT */
/*
 * What the files of topics.h share:
 *
 *   topics.c          whose streams there are, receiving, passing on, time
 *   topics_publish.c  what we publish ourselves
 *   topics_room.c     how much of it
 *   topics_deliver.c  what has come is told, in order
 *   topics_former.c   what an embedder has to remember
 */
#ifndef SHOAL_CORE_DELIVERY_TOPICS_PARTS_H
#define SHOAL_CORE_DELIVERY_TOPICS_PARTS_H

#include "topics.h"

enum {
    TOPICS_OF_OURS = 5,     /* times that we send each item of ours */
    TOPICS_MAX_OF_ONE = 256 /* streams of one origin */
};

static inline bool topics_is_of(const struct topic_stream *stream,
                                const struct identity *origin)
{
    return stream->origin &&
           bytes_equal(identity_id(stream->origin), identity_id(origin));
}

/* Bytes of data that an item of ours can carry. */
size_t topics_room_for_part(const shoal *engine, shoal_bytes topic);
/* To be sent so often. What there is no memory for is in the stream, and others
 * ask for it. */
void topics_queue(shoal *engine, const struct topic_stream *stream,
                  uint64_t number, const struct kept_item *held, uint8_t times);
/* May a stream be its? NULL: it would be one more. */
bool topics_is_room_for(const shoal *engine, const struct topic_stream *stream,
                        const struct identity *origin);
/* A stream of ours that somebody remembers: a life before, with this identity,
 * has published it. */
void topics_begin_above(struct topic_stream *stream);
/* Forgets what there is no memory for any more, and plans when what is old
 * goes. */
void topics_keep_bound(shoal *engine);

#endif
