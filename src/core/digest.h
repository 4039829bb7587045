/* SPDX-License-Identifier: MIT */
/*
 * Do two members know the same? Gossip reaches everybody only in all
 * likelihood, and a feed has no room for all. So each ping carries a digest of
 * what its sender knows, and whoever gets it compares (anti-entropy, as in
 * Demers et al.: "Epidemic Algorithms for Replicated Database Maintenance",
 * 1987, section 1.3, for a few bytes).
 *
 * The digest is how many members are active, oneself included, and the sum of
 * their parts (cells.h). What has just changed is left out of it, by buckets,
 * for the news is under way: a bucket is *settled* half a probe period after
 * its last change. Two digests can be compared when all that the one covers is
 * settled at the other. A bucket that changes all the time never settles, so
 * every fourth ping is about a single one that was not compared for long.
 *
 * When they differ, the ack says so, with a digest of the same buckets; then
 * whoever has pinged begins a round (round.h). An ack has a digest also when
 * that of the ping could not be compared: perhaps the other one can.
 *
 * Without differences that costs a packet two numbers and an engine some 200
 * bytes.
 */
#ifndef SHOAL_CORE_DIGEST_H
#define SHOAL_CORE_DIGEST_H

#include "table/cells.h"
#include "table/identity.h"

enum { DIGEST_ALL = (1 << CELLS_BUCKETS) - 1 /* every bucket */ };

struct digest {
    struct bucket_times {
        uint64_t changed_us, compared_us;
    } buckets[CELLS_BUCKETS];
    uint64_t changed_us; /* the latest of all */
    uint8_t reply;       /* the buckets that the next ack is about; 0: none */
    uint8_t pings;       /* since one was about a single bucket */
};

/* Does this engine compare what it knows with others? */
bool digest_is_on(const shoal *engine);
/* For the header of such a message. false: it has none. */
bool digest_take(shoal *engine, shoal_message kind, shoal_digest *digest);
/* Of all buckets, settled or not. */
shoal_digest digest_of_all(const shoal *engine);
/* Somebody has sent us that header, with a digest. true: `*ours`, of the same
 * buckets, differs, and it is to us to compare more: whoever has pinged does.
 */
bool digest_compare(shoal *engine, const shoal_header *header,
                    shoal_digest *ours);
/* What has changed since the last call is news, on its way to everybody; or it
 * was known elsewhere and was late here. */
void digest_note_changes(shoal *engine, bool is_news);
/* We are `who` now, or no longer. */
void digest_touch(shoal *engine, const struct identity *who);
/* Our own part: what a cell's sum has of us. */
uint32_t digest_own_part(const shoal *engine, struct cell cell);

#endif
