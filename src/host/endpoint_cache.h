/* SPDX-License-Identifier: MIT */
/*
 * From an endpoint's text to the socket address a packet goes to, quickly.
 *
 * Addresses ("10.0.0.2:7946") are parsed once and then found in a small table,
 * which steady senders hit. Names ("db-3.db.lan:7946") are looked up in the
 * background; until there is an answer packets to them have nowhere to go. An
 * answer is good for a minute and is used on while it is being renewed; a
 * failure is remembered for ten seconds.
 *
 * Of a name's addresses one is used: that from which a datagram came, else the
 * first, until questions to it stay without an answer; then the next.
 *
 * Names come from other members, so there are bounds: NAMES_MAX are known at a
 * time, the least recently used of a bucket gives way, and the resolver looks
 * up a few at a time.
 */
#ifndef SHOAL_HOST_ENDPOINT_CACHE_H
#define SHOAL_HOST_ENDPOINT_CACHE_H

#include "../base/address.h"
#include "resolve.h"

enum {
    ENDPOINTS_SLOTS = 128, /* addresses kept parsed; a power of two */
    ENDPOINTS_KEY = 56,    /* bytes: any address with its port fits */
    ENDPOINTS_NAME_BUCKETS = 128,
    ENDPOINTS_NAMES_EACH = 8,
    ENDPOINTS_ADDRESSES = 8, /* of a name */
    ENDPOINTS_AWAITED = 32,  /* names whose datagrams are looked out for */
    ENDPOINTS_FRESH_US = 60 * 1000000,
    ENDPOINTS_RETRY_US = 10 * 1000000
};

struct endpoint_slot {
    uint8_t size; /* of the key; 0: empty */
    bool reachable;
    uint8_t key[ENDPOINTS_KEY];
    struct address address;
};

struct endpoint_name;

/* Told when a name could not be resolved. */
typedef void endpoints_failed_fn(void *context, const char *name,
                                 const char *error);

struct endpoint_cache {
    struct address_reach reach;
    struct resolver *resolver; /* borrowed */
    uint64_t (*now)(void);
    endpoints_failed_fn *failed;
    void *context;
    struct endpoint_name **names; /* made with the first name */
    /* Those with several addresses that something was sent to since they were
     * heard; NULL: a free place. */
    struct endpoint_name *awaited[ENDPOINTS_AWAITED];
    unsigned num_awaited, next_awaited;
    struct endpoint_slot slots[ENDPOINTS_SLOTS];
};

/* All pointers are borrowed for life. `now` is a monotonic clock in
 * microseconds. */
void endpoint_cache_init(struct endpoint_cache *endpoints,
                         struct address_reach reach, struct resolver *resolver,
                         uint64_t (*now)(void), endpoints_failed_fn *failed,
                         void *context);
/* Frees the resolver's questions' contexts: free the resolver first. */
void endpoint_cache_clear(struct endpoint_cache *endpoints);

/* Where a packet for `endpoint` goes; borrowed until the next call. NULL:
 * nowhere (no endpoint at all, one that the socket cannot reach, a name that is
 * not resolved yet). It expects an answer within so long; 0: it expects none.
 */
const struct address *endpoint_cache_find(struct endpoint_cache *endpoints,
                                          shoal_bytes endpoint,
                                          uint64_t answer_within_us);
/* A datagram came from there. */
void endpoint_cache_heard(struct endpoint_cache *endpoints,
                          const struct address *from);
/* Is that one of the addresses of `endpoint`, as far as they are known? */
bool endpoint_cache_has(struct endpoint_cache *endpoints, shoal_bytes endpoint,
                        const struct address *address);

#endif
