/* SPDX-License-Identifier: MIT */
/*
 * Rendezvous hashing (Thaler, Ravishankar: "Using Name-Based Mappings to
 * Increase Hit Rates", 1998): every member computes for a key and each address
 * a score, and the best score owns the key. Whoever knows the same addresses
 * finds the same owner, and a member that leaves moves its own keys alone.
 *
 * Integers only: the answer must be the same on every machine, and no two
 * libraries need to agree on a logarithm. docs/handlers.md specifies it.
 */
#ifndef SHOAL_BASE_RENDEZVOUS_H
#define SHOAL_BASE_RENDEZVOUS_H

#include "../shoal.h"

enum {
    RENDEZVOUS_MAX_WEIGHT = 65535,
    RENDEZVOUS_FRACTION = 32 /* bits behind the point, of a distance */
};

struct rendezvous_score {
    uint64_t hash;
    uint32_t weight; /* 1 to RENDEZVOUS_MAX_WEIGHT */
};

/* Of a key, for all the addresses. */
uint64_t rendezvous_key(shoal_bytes key);
uint64_t rendezvous_hash(uint64_t key, shoal_bytes addr);
/* -log2(hash / 2^64), with RENDEZVOUS_FRACTION bits behind the point. */
uint64_t rendezvous_distance(uint64_t hash);
/* Less than 0: `a` is better, having the smaller distance / weight; of the same
 * weight, that is the greater hash. 0: the addresses have to decide. */
int rendezvous_compare(const struct rendezvous_score *a,
                       const struct rendezvous_score *b);

#endif
