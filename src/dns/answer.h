/* SPDX-License-Identifier: MIT */
/*
 * Answers: the bytes of a query in, those of its answer out. No socket and no
 * clock.
 *
 *   NAME.service.DOMAIN         the passing instances of a service
 *   TAG.NAME.service.DOMAIN     ... that have the tag
 *   _NAME._tcp.service.DOMAIN   the same as NAME.service; also _udp
 *   NAME.node.DOMAIN            the member of that name
 *   0a000001.addr.DOMAIN        the address itself: where SRV points to
 *   DOMAIN, ns.DOMAIN           SOA, NS; the server
 *
 * The question is repeated as it came, its capitals, too; names in the answer
 * point back into it. What does not fit is left out, with TC over UDP, so that
 * the client asks by TCP; additional records are left out without a word.
 *
 * An answer is authoritative. A name that is not there gets NXDOMAIN, one
 * without such records an empty answer, both with the SOA; other domains
 * REFUSED. To what is an answer itself there is none.
 */
#ifndef SHOAL_DNS_ANSWER_H
#define SHOAL_DNS_ANSWER_H

#include "../base/rng.h"
#include "query.h"
#include "table.h"

enum { ANSWER_MAX = 65535 /* bytes of one over TCP */ };

struct zone {
    table *table; /* borrowed */
    struct label_name domain;
    uint32_t ttl;             /* seconds */
    uint32_t serial;          /* at the start; grows with the table */
    struct table_host server; /* of ns.DOMAIN */
    struct rng rng;
};

/* Writes the answer to `query` into `out`, which has `room` bytes: at least
 * QUERY_LARGEST for a datagram. Its size; 0: there is none. */
size_t answer_query(struct zone *zone, shoal_bytes query, bool is_stream,
                    uint8_t *out, size_t room);

#endif
