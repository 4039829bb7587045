/* SPDX-License-Identifier: MIT */
/*
 * The members that a packet is about are not in the cache when the cluster is
 * large, or the process has many nodes, and each lookup waits for memory
 * several times in a row: for the cells of the index, the member, its identity,
 * what waits about it and the neighbours of that in the backlog. Here many
 * lookups wait together: each step is taken for all claims before the next, and
 * it only asks for what the next one reads.
 *
 * Nothing is decided here: a claim may change what those behind it meet. What
 * was found is a candidate, whose identity is compared when its turn comes.
 */
#include "engine.h"

enum { LINE = 64 /* bytes of the cache at once */ };

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

void ahead_of_claims(const shoal *engine, const shoal_update *claims,
                     size_t count, struct member *found[])
{
    const struct members *members = &engine->members;
    uint32_t hashes[AHEAD];
    if (count > AHEAD)
        count = AHEAD;
    for (size_t i = 0; i < count; i++) {
        hashes[i] = bytes_hash(claims[i].id, engine->hash_key);
        index_warm(&members->by_id, hashes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        found[i] = candidate(members, hashes[i]);
        if (found[i])
            warm(found[i], sizeof *found[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (!found[i])
            continue;
        warm(found[i]->identity, LINE);
        mem_warm(found[i]->queued);
    }
    for (size_t i = 0; i < count; i++)
        if (found[i] && found[i]->queued)
            backlog_warm(found[i]->queued);
}
