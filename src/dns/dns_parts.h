/* SPDX-License-Identifier: MIT */
/* What a server and its connections are made of. */
#ifndef SHOAL_DNS_DNS_PARTS_H
#define SHOAL_DNS_DNS_PARTS_H

#include "dns.h"

#include "../host/udp.h"

enum {
    DNS_LARGEST = 4096, /* bytes of a query by UDP */
    DNS_PRIORITY = -1   /* after the node's own sockets and timers */
};

enum peer_phase { PEER_IDLE, PEER_ARRIVING, PEER_WRITING, PEER_NUM_PHASES };

struct dns_peer {
    struct dns_peer *next, **place;
    struct dns_server *server;
    struct address address;
    ev_io io;
    enum peer_phase phase;
    uint64_t since_us; /* in that phase */
    size_t size;       /* bytes of a query that have come */
    uint8_t *out;      /* the rest of an answer; NULL: none */
    size_t out_at, out_size;
    uint8_t query[2 + DNS_MAX_QUERY]; /* behind its length */
};

struct dns_server {
    struct ev_loop *loop;
    struct zone zone;
    struct udp udp;
    struct udp_inbox inbox;
    struct udp_outbox outbox;
    int fd; /* of TCP; -1: none */
    ev_io readable, acceptable;
    ev_timer sweep; /* while there are connections, or accepting pauses */
    bool paused;
    struct dns_peer *peers;
    uint64_t limits_us[PEER_NUM_PHASES];
    void (*refresh)(void *context);
    void *context;
    char place[ADDRESS_MAX_ENDPOINT];
    dns_stats stats;
    uint8_t scratch[2 + ANSWER_MAX];
};

/* ---- dns_udp.c ---- */

/* The answer in `out`, counted; 0: there is none. */
size_t dns_answer(struct dns_server *server, shoal_bytes query, bool is_stream,
                  uint8_t *out, size_t room);
/* Starts watching the socket. */
void dns_udp_start(struct dns_server *server);
void dns_udp_stop(struct dns_server *server);

/* ---- dns_tcp.c ---- */

/* A listening socket at the address, or -1 and errno. */
int dns_tcp_open(const struct address *where, bool is_dual);
/* Starts watching server->fd. */
void dns_tcp_start(struct dns_server *server);
void dns_tcp_stop(struct dns_server *server);

#endif
