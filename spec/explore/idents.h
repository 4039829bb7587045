/* SPDX-License-Identifier: MIT */
/*
 * Identities that somebody has or had, or has only heard of: each is kept once,
 * so that equal ones are the same pointer. And addresses, by number: those of
 * the plan's members come first, then those of nobody, then any that a forged
 * or damaged packet has made up.
 */
#ifndef SPEC_EXPLORE_IDENTS_H
#define SPEC_EXPLORE_IDENTS_H

#include "../../src/sim/sim.h"

enum {
    MAX_PLACES = 1024,
    NOWHERE = MAX_PLACES, /* beyond: not told apart, not looked at */
    IDENT_BUCKETS = 1 << 14
};

struct ident {
    struct ident *next; /* in its bucket */
    uint32_t place;     /* of its address, or NOWHERE */
    /* Of the process that had it last; life 0: nobody has. */
    uint32_t owner, life;
    uint16_t incarnation; /* the greatest that an owner had */
    /* An owner left, or became somebody else. Another may have it again:
     * whoever renews above an older one may come to what was there already. */
    bool is_over;
    bool is_shared; /* several processes had it */
    size_t size;
    uint8_t bytes[];
};

struct idents {
    struct ident *buckets[IDENT_BUCKETS];
    struct {
        uint8_t *bytes;
        size_t size;
    } places[MAX_PLACES];
    uint32_t num_places;
};

/* The number of an address, which becomes known. */
uint32_t idents_place(struct idents *idents, shoal_bytes addr);
/* The one with those bytes. */
struct ident *idents_get(struct idents *idents, shoal_bytes id);
void idents_clear(struct idents *idents);
bool ident_wins(const struct ident *ident, const struct ident *adversary);
static inline shoal_bytes ident_bytes(const struct ident *ident)
{
    return (shoal_bytes){ident->bytes, ident->size};
}

#endif
