/* SPDX-License-Identifier: MIT */
/*
 * Do two members know the same members? Gossip reaches everybody only in all
 * likelihood, and a feed has no room for all. So each ping carries a digest of
 * whom its sender knows, and whoever gets it compares (anti-entropy, as in
 * Demers et al.: "Epidemic Algorithms for Replicated Database Maintenance",
 * 1987, section 1.3, for a few bytes).
 *
 * The active members, oneself included, are split into buckets by a hash that
 * all engines share. The digest of a bucket is how many there are, and the xor
 * of their hashes; the number of a ping selects the bucket. When they differ:
 *
 *   we know one more     the xor of both sums is its hash: we tell them of it
 *   we know more, or     we tell them of members in that bucket, as many as a
 *   as many              packet holds
 *   they know one more   perhaps we know that it is down: then we tell them
 *
 * and an ack to their ping has our digest, so that they compare, too.
 *
 * What has changed within the last probe period is not compared: the news is
 * under way. Whoever has a certain hash is searched for among all members, at
 * most DIGEST_SLICE of them in one entry point.
 *
 * Without differences that costs a packet two numbers and an engine some 200
 * bytes. docs/wire.md has the hash.
 */
#ifndef SHOAL_CORE_DIGEST_H
#define SHOAL_CORE_DIGEST_H

#include "identity.h"

enum { DIGEST_BUCKETS = 8, DIGEST_SLICE = 1024 };

struct bucket {
    shoal_digest digest;
    uint64_t changed_us;
};

/* A search for the member that makes the difference. */
struct difference {
    struct identity *peer; /* whose digest it was; NULL: no search */
    shoal_digest theirs, ours;
    uint32_t bucket;
    uint32_t next; /* slot to look at */
};

struct digest {
    struct bucket buckets[DIGEST_BUCKETS];
    struct difference search;
    uint64_t told_us; /* when we last listed a bucket */
    bool reply;       /* the next ack has a digest */
};

/* The bucket in which `id` is counted. */
uint32_t digest_bucket(shoal_bytes id);
/* `who` is active now, or no longer. */
void digest_add(shoal *engine, const struct identity *who);
void digest_remove(shoal *engine, const struct identity *who);
/* For the header of such a message. false: it has none. */
bool digest_take(shoal *engine, shoal_message kind, uint8_t number,
                 shoal_digest *digest);
/* `peer` has sent us that header, with a digest. A reference to it is kept
 * while we search. */
void digest_compare(shoal *engine, struct identity *peer,
                    const shoal_header *header);
/* Goes on with a search. */
void digest_tick(shoal *engine);
/* Gives it up. */
void digest_clear(shoal *engine);

#endif
