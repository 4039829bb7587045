/* SPDX-License-Identifier: MIT */
/*
 * Streams: what one member publishes on one topic, numbered from 1.
 *
 *   1 ... low          due        have            top
 *   |.....|=============|==========|....==...=.....|
 *    gone   delivered,    received,  some of it     known of
 *           for repair    of a message that         is here
 *                         is not complete
 *
 * A stream keeps its last items in a ring, for those who missed them. An item
 * is a message, or a part of one: its flags say which it begins and ends.
 *
 * Streams stand in the order of their hashes, so that two members can compare
 * them. A stream of which only the hash is known has no origin.
 */
#ifndef SHOAL_CORE_TABLE_STREAM_H
#define SHOAL_CORE_TABLE_STREAM_H

#include "identity.h"

enum {
    STREAM_RING = 2048, /* items of a stream that are kept, at the most */
    STREAM_MAX_TOPIC = 64,
    STREAM_GONE = 4 /* moments that are remembered of what is gone */
};

enum {
    PART_FIRST = 1, /* begins a message */
    PART_LAST = 2,  /* ends it */
    PART_MARK = 4   /* no message: what came before may be lost */
};

struct kept_item {
    uint64_t at_us;
    uint32_t size;
    uint8_t flags;
    uint8_t bytes[];
};

struct topic_stream {
    uint32_t hash;
    struct identity *origin; /* NULL: not known yet */
    uint64_t due, have, top; /* the first two: numbers that come next */
    uint64_t changed_us;     /* when `top` grew */
    bool is_open;            /* the message at `due` has begun */
    bool is_new;             /* nothing was delivered or missed yet */
    bool has_said;           /* it is ours, and we have published on it */
    bool is_again;           /* ours, but others know it from a life before */
    /* Repair: */
    uint64_t ask_us; /* when to ask for what is missing; SHOAL_NEVER */
    uint64_t gone;   /* the lowest number that voters still have, */
    uint64_t kept;   /* and the origin, as it has said itself */
    uint64_t lost;   /* what is missing below will not come */
    uint32_t voters[3];
    uint8_t votes, asks;
    uint8_t heard;    /* asks after which somebody was heard, whatever of */
    uint8_t lacks;    /* answers of others that miss it, too */
    uint64_t gap_us;  /* since when what is next is missed, */
    uint64_t gap_top; /* and `top` then */
    uint64_t asked_us;
    /* Of ours: the lowest number that somebody asked for lately. */
    uint64_t wanted, wanted_us;
    /* The ring: */
    struct kept_item **ring; /* `room` of them, a power of two; NULL: none */
    uint32_t room;
    uint64_t low; /* the first number that has a place in it */
    /* Of what was delivered and has no place any more: up to which number it
     * came by when. The newest first, and the last for all before. */
    struct {
        uint64_t number, came_us;
    } gone_by[STREAM_GONE];
    uint32_t bytes;
    uint8_t topic_size;
    uint8_t topic[STREAM_MAX_TOPIC];
};

/* All of an engine. */
struct streams {
    struct topic_stream **list;
    uint32_t count, room;
    uint32_t unknown; /* of which only the hash is known */
    size_t bytes;     /* of all items held */
};

static inline shoal_bytes stream_topic(const struct topic_stream *stream)
{
    return bytes_of(stream->topic, stream->topic_size);
}

static inline shoal_bytes stream_data(const struct kept_item *held)
{
    return bytes_of(held->bytes, held->size);
}

/* The hash of the stream of that topic whose origin has an identity with that
 * hash: the same at every member (docs/wire.md). */
uint32_t stream_hash(uint32_t origin, shoal_bytes topic);

void streams_clear(struct streams *streams, struct mem *mem);
/* The index of the first stream whose hash is not below. */
uint32_t streams_from(const struct streams *streams, uint32_t hash);
struct topic_stream *streams_find(const struct streams *streams, uint32_t hash);
/* A new one; its first item is number 1. NULL: out of memory. */
struct topic_stream *streams_add(struct streams *streams, struct mem *mem,
                                 uint32_t hash);
void streams_remove(struct streams *streams, struct mem *mem,
                    struct topic_stream *stream);
/* Whose it is; `origin` gets another reference. */
void stream_identify(struct streams *streams, struct topic_stream *stream,
                     struct identity *origin, shoal_bytes topic);

/* That item, or NULL. */
const struct kept_item *stream_at(const struct topic_stream *stream,
                                  uint64_t number);
/* Bytes that so many items hold of `data` bytes together. */
static inline size_t stream_footprint(size_t data, size_t count)
{
    return data + count * sizeof(struct kept_item);
}

/* Keeps a copy. 1; 0: it is there, or has no place, or NOMEM. */
int stream_put(struct streams *streams, struct mem *mem,
               struct topic_stream *stream, uint64_t number, uint8_t flags,
               shoal_bytes data, uint64_t now_us);
/* Of the numbers up to `number`, which is not held: up to which one came by
 * then? Lower, if that is not known well enough. */
uint64_t stream_gone_by(const struct topic_stream *stream, uint64_t number,
                        uint64_t us);
/* Forgets that item. */
void stream_drop(struct streams *streams, struct mem *mem,
                 struct topic_stream *stream, uint64_t number);
/* Forgets the delivered items that came before `before_us`. Are any left? */
bool stream_expire(struct streams *streams, struct mem *mem,
                   struct topic_stream *stream, uint64_t before_us);
/* Forgets items until all together have no more than `bytes`, of the streams
 * that hold most: those that were delivered first; if none was, the last of
 * those that wait, for the first are needed first. */
void streams_bound(struct streams *streams, struct mem *mem, size_t bytes);
/* The stream that holds most, and loses the first of its items when all hold
 * too much. NULL: there is none. */
struct topic_stream *streams_fullest(const struct streams *streams);
/* The first number from `from` on that is here; `top` + 1: none is. */
uint64_t stream_next_held(const struct topic_stream *stream, uint64_t from);

#endif
