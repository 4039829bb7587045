/* SPDX-License-Identifier: MIT */
/*
 * Cookies: who sends back what we have told it gets the packets that we send
 * there (stranger.h says whom we ask for that, and when).
 *
 * A cookie is a keyed hash of an endpoint and of the time, so nothing is kept
 * of those that we make. Of those that others tell us a few are.
 */
#ifndef SHOAL_CORE_COOKIE_H
#define SHOAL_CORE_COOKIE_H

#include "table/identity.h"

enum {
    COOKIE_FACTOR = 3, /* bytes for each of a sender that shows nothing */
    /* So that the largest identity may answer: of an announce to nobody knows
     * whom. */
    COOKIE_PADDING = 150,
    /* Of a newcomer's questions, so that more fits into the answers. With more
     * than that an answer that is lost is missed for longer. */
    COOKIE_QUESTION_PADDING = 80,
    COOKIE_JAR = 64,  /* cookies of others */
    COOKIE_ASKED = 16 /* cookies for those that we asked last */
};

struct jar {
    struct {
        uint32_t peer, cookie; /* peer: wire hash of its identity */
    } cookies[COOKIE_JAR];     /* for announces and exchanges */
    uint32_t asked[COOKIE_ASKED], next;
};

void cookie_init(shoal *engine, uint64_t seed);
/* Does this engine ask strangers to show that they receive its packets? */
bool cookie_is_on(const shoal *engine);
/* The sender at hand has sent this packet, of `size` bytes. */
void cookie_begin(shoal *engine, const shoal_header *header, size_t size);
/* The sender's cookie is for our next question. */
void cookie_keep(shoal *engine);

/* ---- For packets that are sent ---- */

/* Does a packet to that identity go back to the sender at hand? */
bool cookie_is_back(const shoal *engine, shoal_bytes to);
/* Sets cookie, echo and padding. `is_bare`: it has no other purpose than to
 * answer, to tell of a verdict, or to compare. `spare`: the bytes of an
 * exchange that nothing needs. */
void cookie_mark(shoal *engine, const struct who *to, bool is_back,
                 bool is_bare, size_t spare, shoal_header *header);
/* The bytes that a packet may have, if others may have `room`. `compares`: it
 * answers a question of an exchange. */
size_t cookie_room(const shoal *engine, bool is_back, bool compares,
                   size_t room);
/* A packet of `size` bytes goes back to the sender at hand. */
void cookie_spend(shoal *engine, size_t size);

#endif
