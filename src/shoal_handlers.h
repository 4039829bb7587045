/* SPDX-License-Identifier: MIT */
/*
 * What an embedder provides: memory, and the answers to the engine's questions.
 * Included by shoal.h.
 *
 * Questions are asked synchronously. An entry point that is called while one is
 * asked returns SHOAL_ERR_REENTRANT; queries (the functions that take a const
 * shoal *) are allowed. Answers about an identity are cached with it.
 */
#ifndef SHOAL_HANDLERS_H
#define SHOAL_HANDLERS_H

#include "shoal_types.h"

/* One function, like Lua's: size 0 frees (and returns NULL), ptr NULL
 * allocates, else it reallocates. If it returns NULL for anything but a free,
 * the call returns SHOAL_ERR_NOMEM. A shrink must not fail. */
typedef struct shoal_allocator {
    void *context;
    void *(*realloc)(void *context, void *ptr, size_t old_size,
                     size_t new_size); /* NULL: libc's */
} shoal_allocator;

/* About identities. All three are required. shoal_stock_identity() answers for
 * the stock identity. */
typedef struct shoal_identity_questions {
    void *context;
    /* The address and the endpoint of `id`. The answers may point into `id`,
     * into `room` (SHOAL_MAX_IDENTITY bytes to write them to; they may be the
     * same bytes), or to memory that stays valid until the next question. 0, or
     * an error: then the packet or update that named it is dropped. */
    int (*addr)(void *context, shoal_bytes id, uint8_t *room, shoal_bytes *addr,
                shoal_bytes *endpoint);
    /* A new identity, since `id` was declared down or (`adversary` is not
     * empty) another one with its address wins against it. Writes one that wins
     * against both into `out` (SHOAL_MAX_IDENTITY bytes) and returns 1; 0:
     * there is none. An error counts as 0. */
    int (*renew)(void *context, shoal_bytes id, shoal_bytes adversary,
                 uint8_t *out, size_t *size);
    /* Does `id` replace `adversary`, which has the same address? 1, 0, or an
     * error (counts as 0). */
    int (*wins)(void *context, shoal_bytes id, shoal_bytes adversary);
} shoal_identity_questions;

/* About custom data that travels with the gossip. `receive` NULL: all items are
 * dropped. */
typedef struct shoal_broadcast_questions {
    void *context;
    /* Is `data` new? 1 and its key (memory that stays valid until the next
     * question), or 0, or an error (the item is dropped and counted). `sender`
     * is empty when the item is our own. */
    int (*receive)(void *context, shoal_bytes data, shoal_bytes sender,
                   shoal_bytes *key);
    /* Does a new item with `key` replace the queued one with `other`? NULL: if
     * the keys are equal. */
    int (*invalidates)(void *context, shoal_bytes key, shoal_bytes other);
    /* Shall `member` get items? Asked only while items are queued. NULL: all
     * members do. */
    int (*wanted_by)(void *context, const shoal_member *member);
} shoal_broadcast_questions;

/* About what other members say of themselves. `check` NULL: all is believed. */
typedef struct shoal_tags_questions {
    void *context;
    /* Shall this version of the tags of `member`, which has the tags that were
     * believed before, be believed? 1, or 0: it is ignored, or an error: the
     * same. */
    int (*check)(void *context, const shoal_member *member, shoal_bytes tags);
} shoal_tags_questions;

/* About who may be a member. `admit` NULL: everybody. */
typedef struct shoal_admission_questions {
    void *context;
    /* May `id`, whose endpoint that is, become a member? Asked once for each
     * identity that is not known here: of a sender when it has shown that it
     * receives packets, of others when they are named to us. 1, or 0, or an
     * error: no. Then it is not heard, and for 30 seconds not asked again. */
    int (*admit)(void *context, shoal_bytes id, shoal_bytes endpoint);
} shoal_admission_questions;

/* How headers and members look on the wire. Encoders write at most `room` bytes
 * and set `*size`, or return SHOAL_ERR_TOO_BIG (not enough room) or another
 * error. Decoders set `*used`; the identities they find may point into the
 * packet, or to memory that stays valid until the next decode_header. */
typedef struct shoal_codec {
    void *context;
    int (*encode_header)(void *context, const shoal_header *header,
                         uint8_t *out, size_t room, size_t *size);
    int (*decode_header)(void *context, shoal_bytes packet, shoal_header *out,
                         size_t *used);
    int (*encode_member)(void *context, const shoal_update *member,
                         uint8_t *out, size_t room, size_t *size);
    int (*decode_member)(void *context, shoal_bytes bytes, shoal_update *out,
                         size_t *used);
    /* Of the last failure; may be NULL. */
    const char *(*error_detail)(void *context);
    /* The `src` in a packet's header, as a span of the packet, or empty: for
     * shoal_look_ahead(), so it must be cheap and may be wrong. May be NULL. */
    shoal_bytes (*peek_source)(void *context, shoal_bytes packet);
    /* It carries what Lifeguard needs: header.wants_nack, the nack message and
     * update.from; exchanges: header.digest and their message; cookies:
     * header.cookie and header.echo; and tags: header.no_tags, and those of an
     * update. Otherwise the engine does without them. */
    bool lifeguard;
    /* Its headers have header.dst_hash, not header.dst. */
    bool hashes_dst;
} shoal_codec;

typedef struct shoal_handlers {
    shoal_identity_questions identity;
    shoal_broadcast_questions broadcast;
    shoal_tags_questions tags;
    shoal_admission_questions admission;
    shoal_codec codec;
} shoal_handlers;

#endif
