/* SPDX-License-Identifier: MIT */
/*
 * Which unknown senders were asked to show that they are fresh, and how often
 * in vain. Whoever has recorded packets can repeat them in the name of a member
 * that is about to join: these must not take the questions that it needs.
 *
 * A sender is an address and a session. It is asked for a packet that was
 * sealed after the one that it was asked for before, so a packet that is
 * repeated is for nothing; and after each question in vain it is left alone for
 * twice as long, up to ten seconds. An address has two budgets: one for
 * sessions that were asked less than three times, and one for the others. A
 * member that has just started is never in the same one as what was recorded of
 * its former lives, once each of these was asked three times.
 *
 * The table has 8,192 places (192 KiB), four for each hash, where the sender
 * that was asked least often makes room. Hashes are keyed, so nobody knows
 * which senders share a place.
 */
#ifndef SHOAL_SEAL_CHALLENGED_H
#define SHOAL_SEAL_CHALLENGED_H

#include "pace.h"

enum {
    CHALLENGED_PLACES = 2048,
    CHALLENGED_OF_ONE = 4,
    CHALLENGED_IN_VAIN = 3, /* times, and a session is in the other budget */
    CHALLENGED_FIRST = 50,  /* a second for each address: of the former ... */
    CHALLENGED_AGAIN = 10,  /* ... and of the latter */
    CHALLENGED_PAUSE_MS = 100,
    CHALLENGED_MOST_PAUSE_MS = 10 * 1000,
    CHALLENGED_KEPT_MS = 600 * 1000 /* after that, the first to make room */
};

struct challenged_table;

/* All zero: nobody was asked. */
struct challenged {
    struct challenged_table *table; /* made when it is needed */
};

void challenged_clear(struct challenged *challenged);

struct challenged_sender {
    uint64_t hash;    /* of the address and the session */
    uint64_t address; /* that of the address alone */
};

enum challenged_verdict {
    CHALLENGED_ASK,
    CHALLENGED_NOT_AGAIN, /* that would be for nothing */
    CHALLENGED_TOO_MANY   /* the address has had its share in this second */
};

/* Shall we ask for the packet with that counter? With CHALLENGED_ASK that is
 * noted.
 */
enum challenged_verdict challenged_may(struct challenged *challenged,
                                       struct challenged_sender sender,
                                       uint64_t counter, uint64_t now_us);
/* It has answered. */
void challenged_answered(struct challenged *challenged,
                         struct challenged_sender sender);

#endif
