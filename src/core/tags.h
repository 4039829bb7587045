/* SPDX-License-Identifier: MIT */
/*
 * Tags: what a member says of itself, one small map that only it writes.
 *
 * The order of what is said is (identity, version): the identity that wins an
 * address wins everything, and of one identity the greater version wins whole.
 * So nothing is merged, no clock is compared and nothing deleted comes back.
 *
 *     version = counter << 16 | check of the bytes
 *
 * The owner counts. With the check in it, equal counters with other bytes (an
 * owner that has lost its memory) are another version, which digests see; and
 * bytes that were damaged are refused. An owner that meets a greater version of
 * its own goes on above it.
 *
 * Whoever has none says so with each packet (a bit of its header), and others
 * pass that on with what they say of it (a bit of the claim): so "none" and
 * "not known" differ, and a cluster without tags pays nothing. There is no way
 * back to that from a version: whoever deletes its last tag says an empty map.
 *
 * Tags travel as a part of the claim about their owner: gossiped a few times
 * when they change, and told in exchanges, of which the digest covers their
 * versions. A version that is not a map of tags, that `check` of the embedder
 * does not accept, or for which there is no memory, is known but not believed.
 * Those of a down member are kept with it, are not shown, and are there again
 * when it is back; a new identity begins without.
 */
#ifndef SHOAL_CORE_TAGS_H
#define SHOAL_CORE_TAGS_H

#include "table/members.h"
#include "table/tag_set.h"

enum {
    TAGS_OVERHEAD = 16, /* bytes that they take in a claim beside their own */
    TAGS_OURS = 1       /* a result of tags_receive() */
};

/* Our own. */
struct own_tags {
    struct tags *said; /* what others hear; NULL: nothing yet */
    struct tags *next; /* what they will hear at `at_us`; NULL: the same */
    uint64_t at_us;    /* SHOAL_NEVER: there is nothing new to say */
    uint64_t said_us;  /* when we said the last ones */
};

void tags_init(struct own_tags *own);
void tags_clear(shoal *engine);
/* A claim that was applied, and has tags. 0 or NOMEM; TAGS_OURS: it is about
 * us, and good, see self_heard_of_tags(). */
int tags_receive(shoal *engine, const shoal_update *claim);
/* That version of the tags of an active member, unless we know it or a newer
 * one; `is_news`: it is passed on. 0 or NOMEM. */
int tags_take(shoal *engine, struct member *member, const shoal_update *claim,
              bool is_news);
/* Puts them into a claim about their owner, or only tells of them. */
void tags_tell(const shoal *engine, shoal_update *claim,
               const struct tags *tags);
/* Counts and reports that they were, whatever they were. */
void tags_ignore(shoal *engine, const struct member *member, shoal_drop why,
                 size_t size);
/* `member` has none, as somebody says who knows. */
void tags_note_none(shoal *engine, struct member *member);
/* Somebody knows our identity with that version of tags: says ours with a
 * greater one, when it is time. false: there is none. */
bool tags_exceed(shoal *engine, uint64_t version);
/* Says them with the first version, as we have another identity. */
void tags_begin_anew(shoal *engine);
/* `member` is down: nobody is told of its tags. */
void tags_hush(shoal *engine, struct member *member);
/* `member` is somebody else now, or is forgotten. */
void tags_drop(shoal *engine, struct member *member);
/* We are somebody else now: our tags stay, and are said again. */
void tags_say_again(shoal *engine);
/* When no packet of ours has more than `room` bytes for a claim: of tags for
 * which that is too little, ours are told without their bytes, and others' by
 * exchanges alone. */
void tags_shorten(shoal *engine, size_t room);
void tags_tick(shoal *engine);
/* We are a member that had said a version of its tags, and go on above it. 0 or
 * NOMEM. */
int tags_resume(shoal *engine, uint64_t version);

#endif
