/* SPDX-License-Identifier: MIT */
/*
 * What is done at most once in a while for each peer, so that no belief of
 * theirs, true or forged, makes us send more than they do.
 *
 * A table of fixed size, by a hash of kind and peer. A peer that takes the
 * place of another makes us forget when that one had its turn: then an answer
 * more goes out, one for each packet that comes in at the most. What is done
 * for all of them together has places of its own, which no peer can take.
 */
#ifndef SHOAL_CORE_TABLE_LIMITS_H
#define SHOAL_CORE_TABLE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

enum limit {
    LIMIT_ANSWER,   /* who we are, to somebody who takes us for another */
    LIMIT_VERDICT,  /* what we believe of it, to a member */
    LIMIT_DIRECT,   /* the same, in answer to its own packet */
    LIMIT_UNDEAD,   /* it has told us that we are down */
    LIMIT_REFUSAL,  /* that there is no room for it */
    LIMIT_QUESTION, /* the answer to questions of a round */
    LIMIT_WANT,     /* claims that it wants */
    LIMIT_PART,     /* parts of tags that it fetches */
    LIMIT_GET,      /* items that it missed */
    LIMIT_HEADS,    /* how far streams are */
    LIMIT_FEED,     /* an announce again, with an echo */
    LIMIT_TAGS,     /* versions of its tags that are passed on */
    LIMIT_NEWCOMER, /* new members of its host (admission.h) */
    LIMIT_ANNOUNCE, /* all members, for its host */
    LIMIT_RENEWAL,  /* another identity */
    NUM_LIMITS
};

/* Once in a while whoever the peer is. */
enum common_limit {
    COMMON_GREETING, /* an announce to whoever accused us */
    COMMON_AGAIN,    /* what we have refuted, said again */
    COMMON_DOUBT,    /* of all verdicts */
    COMMON_GOSSIP,   /* a refutation in packets of its own */
    NUM_COMMON_LIMITS
};

enum { LIMITS_SIZE = 256 };

/* All zero: nobody had a turn. */
struct limits {
    struct turn {
        uint32_t key;
        uint64_t at_us;
    } turns[LIMITS_SIZE], common[NUM_COMMON_LIMITS];
};

/* Is it `peer`'s turn (a hash of its address), `every_us` after the last one?
 * Then this was it. */
bool limits_pass(struct limits *limits, enum limit what, uint32_t peer,
                 uint64_t now_us, uint64_t every_us);
/* The same where several turns may follow each other at once: `burst` of them,
 * and then one `every_us` (the generic cell rate algorithm of ITU-T I.371). */
bool limits_pass_burst(struct limits *limits, enum limit what, uint32_t peer,
                       uint64_t now_us, uint64_t every_us, uint32_t burst);
bool limits_pass_common(struct limits *limits, enum common_limit what,
                        uint64_t now_us, uint64_t every_us);

#endif
