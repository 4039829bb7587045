/* SPDX-License-Identifier: MIT */
/*
 * The members that a packet comes from and is about are not in the cache when
 * the cluster is large, or the process has many nodes, and each lookup waits
 * for memory several times in a row: for the cells of the index, the member,
 * its identity, what waits about it and the neighbours of that in the backlog.
 * Here many lookups wait together, those of the claims in a packet and those of
 * the senders of several: each step is taken for all before the next, and it
 * only asks for what the next one reads.
 *
 * Nothing is decided here: a claim, or a packet, may change what those behind
 * it meet. What was found is a candidate, whose identity is compared when its
 * turn comes.
 */
#include "engine.h"

enum { LINE = 64 /* bytes of the cache at once */ };

/* What is looked for. */
struct lookups {
    size_t count;
    uint32_t hashes[AHEAD];
};

static void add(struct lookups *lookups, const shoal *engine, shoal_bytes id)
{
    uint32_t hash = bytes_hash(id, engine->hash_key);
    index_warm(&engine->members.by_id, hash);
    lookups->hashes[lookups->count++] = hash;
}

/* The first candidate for `hash`; nearly always there is no other. */
static struct member *candidate(const struct members *members, uint32_t hash)
{
    uint32_t at = INDEX_START;
    uint32_t slot = index_find(&members->by_id, hash, &at);
    return slot == INDEX_END ? NULL : members_at(members, slot);
}

/* `bytes` may lie in two lines. A number, not a pointer, for they may also be
 * fewer than we ask for. */
static void warm(const void *at, size_t bytes)
{
    mem_warm(at);
    mem_warm((const void *)((uintptr_t)at + bytes - 1));
}

/* The candidate for each, or NULL. */
static void find_all(const struct members *members,
                     const struct lookups *lookups, struct member *found[])
{
    for (size_t i = 0; i < lookups->count; i++) {
        found[i] = candidate(members, lookups->hashes[i]);
        if (found[i])
            warm(found[i], sizeof *found[i]);
    }
    for (size_t i = 0; i < lookups->count; i++)
        if (found[i])
            warm(found[i]->identity, LINE);
}

void ahead_of_claims(const shoal *engine, const shoal_update *claims,
                     size_t count, struct member *found[])
{
    struct lookups lookups = {0};
    if (count > AHEAD)
        count = AHEAD;
    for (size_t i = 0; i < count; i++)
        add(&lookups, engine, claims[i].id);
    find_all(&engine->members, &lookups, found);
    for (size_t i = 0; i < count; i++)
        if (found[i] && found[i]->queued)
            warm(found[i]->queued, sizeof *found[i]->queued);
    for (size_t i = 0; i < count; i++)
        if (found[i] && found[i]->queued)
            backlog_warm(found[i]->queued);
}

void shoal_look_ahead(const shoal *engine, const shoal_bytes packets[],
                      size_t count)
{
    const shoal_codec *codec = &engine->handlers.codec;
    struct lookups lookups = {0};
    struct member *found[AHEAD];
    if (!codec->peek_source)
        return;
    for (size_t i = 0; i < count && i < AHEAD; i++) {
        shoal_bytes source = codec->peek_source(codec->context, packets[i]);
        if (source.size > 0 && source.size <= SHOAL_MAX_IDENTITY)
            add(&lookups, engine, source);
    }
    find_all(&engine->members, &lookups, found);
}
