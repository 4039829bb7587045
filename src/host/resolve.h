/* SPDX-License-Identifier: MIT */
/*
 * Host names to addresses, without making the loop wait.
 *
 * The system's getaddrinfo() blocks, for seconds when a name server is away. So
 * it is called in threads (at most RESOLVE_THREADS at a time, each of which
 * ends when nothing is left to look up), and what it found is handed to the
 * loop, where `done` is called.
 */
#ifndef SHOAL_HOST_RESOLVE_H
#define SHOAL_HOST_RESOLVE_H

#include "addresses.h"

#include <ev.h>

enum { RESOLVE_THREADS = 8 };

struct resolver;

/* Called in the loop's thread, once for each question: the addresses of the
 * name (at least one) that `reach` can get to, or NULL and a text that says why
 * there are none. Both are borrowed for the call. It may free the resolver. */
typedef void resolve_fn(void *context, const struct addresses *addresses,
                        const char *error);

/* Looks up a name, blocking, in any thread: NULL and at least one address in
 * `*out` (which was empty), or a static text. The usual one asks getaddrinfo();
 * specs bring their own. */
typedef const char *resolve_lookup_fn(const char *name, uint16_t port,
                                      struct address_reach reach,
                                      struct addresses *out);
resolve_lookup_fn resolve_blocking;
/* The same for whoever needs just one. */
const char *resolve_first_blocking(const char *name, uint16_t port,
                                   struct address_reach reach,
                                   struct address *out);

/* NULL: no memory. */
struct resolver *resolver_new(struct ev_loop *loop, struct address_reach reach,
                              resolve_lookup_fn *lookup);
/* Asks. 0, or -1 (no memory, no thread) and `done` is not called. */
int resolver_ask(struct resolver *resolver, const char *name, uint16_t port,
                 resolve_fn *done, void *context);
/* Are there questions without an answer? */
bool resolver_is_busy(const struct resolver *resolver);
/* No `done` is called any more; threads that are still busy clean up after
 * themselves. NULL is fine. */
void resolver_free(struct resolver *resolver);

#endif
