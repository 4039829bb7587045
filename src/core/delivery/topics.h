/* SPDX-License-Identifier: MIT */
/*
 * Topics: what members publish is numbered by origin and topic, is delivered
 * once and in order, and is repaired; what cannot be is told as missed.
 *
 *   publish   a number, a place in our own stream (table/stream.h), and into
 *             the backlog: items ride on packets that go anyway, and gossip
 *   receive   new: into the stream, delivered when all before it is, and
 *             passed on. Whoever misses a number asks for it (repair.h)
 *
 * A stream belongs to an identity. When another identity takes the place of its
 * origin (it was started again, or had to renew), the old stream ends, and
 * everybody who followed it is told that something may have been missed. An
 * origin that renews itself begins its new streams with a mark, so that also
 * those are told who had not heard of the old ones.
 *
 * We begin with what is published after we have come: until somebody has told
 * us how far each stream is (repair.h), only streams that begin are delivered.
 *
 * Bounds: streams of all and of one origin, bytes of all items kept, and items
 * that wait to be sent; then publishing fails with FULL, and what is received
 * is counted as dropped.
 */
#ifndef SHOAL_CORE_DELIVERY_TOPICS_H
#define SHOAL_CORE_DELIVERY_TOPICS_H

#include "../engine.h"
#include "../records/topic_record.h"
#include "../table/members.h"
#include "../table/topics_state.h"

enum {
    TOPICS_MAX_PARTS = 128, /* of a message */
    TOPICS_GAP_US = 50000,  /* what is missing may still be under way so long */
    TOPICS_WANTED_US = 2000000 /* who misses something asks again within that */
};

void topics_init(shoal *engine);
void topics_clear(shoal *engine);
/* Do we publish it? */
static inline bool topics_is_ours(const shoal *engine,
                                  const struct topic_stream *stream)
{
    return stream->origin == engine->self;
}
/* Why we may not publish so many items, of so many bytes together; NULL: we
 * may. Static. */
const char *topics_why_full(shoal *engine, const struct topic_stream *stream,
                            size_t count, size_t size);
/* We are alone: nothing waits to be sent. Who comes back asks for it, and what
 * came before a newcomer is not for it. */
void topics_idle(shoal *engine);
/* Items in packets of their own, to random members. */
void topics_turn(shoal *engine);
/* An item that somebody sent us. 0 or NOMEM. */
int topics_take(shoal *engine, const struct topic_record *item, bool is_repair);
/* Records among the broadcasts of a packet. */
int topics_receive(shoal *engine, shoal_bytes item);
/* The stream that such a record is about, made if need be. NULL: there is none
 * and shall be none. */
struct topic_stream *topics_open(shoal *engine,
                                 const struct topic_record *record);
/* The one with that hash, of which nothing else need be known. NULL: there is
 * no room for it. */
struct topic_stream *topics_get(shoal *engine, uint32_t hash);
/* Delivers what can be, and plans to ask for what cannot. */
void topics_advance(shoal *engine, struct topic_stream *stream);
/* Asks for what is missing within that time, which is not longer than was
 * planned. */
void topics_ask_within(shoal *engine, struct topic_stream *stream, uint64_t us);
/* Nothing is missing, or nobody is asked for it. */
void topics_forget_asking(struct topic_stream *stream);
/* What is missing below `end` will not come. */
void topics_skip(shoal *engine, struct topic_stream *stream, uint64_t end);
/* Others have heard of our stream further than we got: there was another life
 * with our identity, or somebody lies. It goes on above that number, and who
 * followed it is told that something may be missing. */
void topics_go_above(shoal *engine, struct topic_stream *stream,
                     uint64_t number);
/* Somebody has items up to that number. */
void topics_raise(shoal *engine, struct topic_stream *stream, uint64_t number);
/* `before` has gone, and `after` (NULL: nobody) has its address. */
void topics_replaced(shoal *engine, const struct identity *before,
                     const struct member *after);
/* We are no longer `before`. */
void topics_renewed(shoal *engine, const struct identity *before);
void topics_plan(shoal *engine, uint64_t at_us);
void topics_tick(shoal *engine);

#endif
