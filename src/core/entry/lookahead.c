/* SPDX-License-Identifier: MIT */
/*
 * The members that a packet comes from and is about are not in the cache when
 * the cluster is large, or the process has many nodes, and each lookup waits
 * for memory several times in a row:
 *
 *   aim()                the cells of the index
 *   find()               the member
 *   warm_identity()      its identity
 *   warm_entry()         what waits about it
 *   warm_neighbours()    the neighbours of that in the backlog
 *
 * Each step only asks for what the next one reads, and between the two come the
 * same steps of other lookups: of the other packets that arrived at the same
 * time, or of the claims behind in the same packet, and while these wait, those
 * in front are applied.
 *
 * Nothing is decided here: a claim, or a packet, may change what those behind
 * it meet. What was found is a candidate, whose identity is compared when its
 * turn comes.
 */
#include "lookahead.h"

#include "../engine.h"

enum { LINE = 64 /* bytes of the cache at once */ };

/* `bytes` may lie in two lines. A number, not a pointer, for they may also be
 * fewer than we ask for. */
static void warm(const void *at, size_t bytes)
{
    mem_warm(at);
    mem_warm((const void *)((uintptr_t)at + bytes - 1));
}

/* ---- The steps of a lookup ---- */

static void aim(const shoal *engine, struct lookup *lookup, shoal_bytes id)
{
    lookup->hash = bytes_hash(id, engine->hash_key);
    index_warm(&engine->members.by_id, lookup->hash);
}

/* The first candidate; nearly always there is no other. */
static void find(const shoal *engine, struct lookup *lookup)
{
    uint32_t at = INDEX_START;
    uint32_t slot = index_find(&engine->members.by_id, lookup->hash, &at);
    lookup->found =
        slot == INDEX_END ? NULL : members_at(&engine->members, slot);
    if (lookup->found)
        warm(lookup->found, sizeof *lookup->found);
}

static void warm_identity(const struct lookup *lookup)
{
    if (lookup->found)
        warm(lookup->found->identity, LINE);
}

static const struct entry *queued_about(const struct lookup *lookup)
{
    return lookup->found ? *member_queued(lookup->found) : NULL;
}

static void warm_entry(const struct lookup *lookup)
{
    const struct entry *queued = queued_about(lookup);
    if (queued)
        warm(queued, sizeof *queued);
}

static void warm_neighbours(const struct lookup *lookup)
{
    const struct entry *queued = queued_about(lookup);
    if (queued)
        backlog_warm(queued);
}

/* ---- The claims of a packet ---- */

/* The lookup that is `steps` steps behind the newest; NULL: there is none, or
 * not any more. */
static struct lookup *behind(struct ahead *ahead, size_t steps)
{
    size_t i = ahead->at - steps * ahead->step; /* huge before the first */
    return i < ahead->count ? &ahead->lookups[i % AHEAD] : NULL;
}

static void go_on(struct ahead *ahead)
{
    const shoal *engine = ahead->engine;
    struct lookup *lookup;
    if ((lookup = behind(ahead, 0)))
        aim(engine, lookup, ahead->claims[ahead->at].id);
    if ((lookup = behind(ahead, 1)))
        find(engine, lookup);
    if ((lookup = behind(ahead, 2))) {
        warm_identity(lookup);
        warm_entry(lookup);
    }
    if ((lookup = behind(ahead, 3)))
        warm_neighbours(lookup);
    ahead->at++;
}

void ahead_begin(struct ahead *ahead, const shoal *engine,
                 const shoal_update *claims, size_t count)
{
    ahead->engine = engine;
    ahead->claims = claims;
    ahead->count = count;
    ahead->at = 0;
    ahead->step = count < AHEAD_STEP ? count : AHEAD_STEP;
    while (ahead->at < AHEAD_STEPS * ahead->step)
        go_on(ahead);
}

struct member *ahead_next(struct ahead *ahead)
{
    struct member *found = behind(ahead, AHEAD_STEPS)->found;
    go_on(ahead);
    return found;
}

/* ---- The senders of several packets ---- */

void shoal_look_ahead(const shoal *engine, const shoal_bytes packets[],
                      size_t count)
{
    const shoal_codec *codec = &engine->handlers.codec;
    struct lookup lookups[AHEAD];
    size_t known = 0;
    if (!codec->peek_source)
        return;
    for (size_t i = 0; i < count && i < AHEAD; i++) {
        shoal_bytes source = codec->peek_source(codec->context, packets[i]);
        if (source.size > 0 && source.size <= SHOAL_MAX_IDENTITY)
            aim(engine, &lookups[known++], source);
    }
    for (size_t i = 0; i < known; i++)
        find(engine, &lookups[i]);
    for (size_t i = 0; i < known; i++)
        warm_identity(&lookups[i]);
}
