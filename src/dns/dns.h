/* SPDX-License-Identifier: MIT */
/*
 * A DNS server in somebody's loop: UDP and TCP on one port, without a thread of
 * its own.
 *
 * Who calls it: dns_lua.c, for `shoal run --dns`. The caller fills the table
 * (table.h); what is asked is answered from it at once (answer.h).
 *
 * A flood must not delay the node's pings: one turn of the loop takes at most
 * UDP_BATCH datagrams, and one query of each connection, after whatever else is
 * ready. What is left waits in the system, which drops what is too much.
 *
 * Connections that do not ask, do not end what they began to ask, or do not
 * read, are ended (DNS_IDLE_S and so on). If there is no room for another one,
 * the one that was idle for longest goes.
 */
#ifndef SHOAL_DNS_DNS_H
#define SHOAL_DNS_DNS_H

#include "../base/address.h"
#include "answer.h"

#include <ev.h>

enum {
    DNS_MAX_CONNECTIONS = 64,
    DNS_MAX_PER_HOST = 16, /* of another host */
    DNS_MAX_QUERY = 1024,  /* bytes of one over TCP */
    DNS_IDLE_S = 10,       /* seconds between queries */
    DNS_ARRIVE_S = 5,      /* for the whole of one, once it has begun */
    DNS_WRITE_S = 5        /* until an answer is read */
};

typedef struct dns_server dns_server;

typedef struct dns_options {
    bool is_public;     /* another address than loopback will do */
    shoal_bytes domain; /* "shoal" */
    uint32_t ttl;       /* seconds */
    double idle_s, arrive_s, write_s; /* instead of those above; 0: those */
    /* Called before a turn's queries are answered, if there are any; the
     * table may be changed, the server must not be closed. */
    void (*refresh)(void *context);
    void *context;
} dns_options;

/* "127.0.0.1:8600"; port 0: one that is free for both. NULL and `error`. */
dns_server *dns_listen(struct ev_loop *loop, const char *where,
                       const dns_options *options, struct error *error);
/* Ends all connections. NULL is fine. */
void dns_close(dns_server *server);
/* With the port that it was given. Borrowed for its life. */
const char *dns_place(const dns_server *server);
table *dns_table(dns_server *server);

typedef struct dns_stats {
    uint64_t queries, answers; /* those that got one */
    uint64_t truncated;        /* answers */
    uint64_t failed;           /* answers that the system did not send */
    uint64_t accepted, refused, cut_off; /* connections */
    uint64_t connections;                /* now */
} dns_stats;
dns_stats dns_get_stats(const dns_server *server);

#endif
