/* SPDX-License-Identifier: MIT */
/*
 * Endpoints as text ("10.0.0.2:7946", "[fe80::1%eth0]:7946", "db.lan:7946") and
 * as socket addresses.
 *
 * The text is read strictly: a host, a colon, a decimal port of at most 65535
 * without sign or leading zero, and nothing around it. An IPv6 address stands
 * in brackets. Digits and dots are an IPv4 address in its full form or nothing
 * (no "127.1"). Every refusal names what is wrong.
 */
#ifndef SHOAL_BASE_ADDRESS_H
#define SHOAL_BASE_ADDRESS_H

#include "../shoal.h"
#include "error.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum {
    ADDRESS_MAX_HOST = 254,    /* bytes of a host name, with its NUL */
    ADDRESS_MAX_ENDPOINT = 300 /* bytes of "host:port", with its NUL */
};

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } as;
    socklen_t size;
};

/* What a text turned out to be: an address, or a name that has to be resolved
 * first. */
struct endpoint {
    bool is_name;
    struct address address;      /* unless it is a name */
    char name[ADDRESS_MAX_HOST]; /* if it is one */
    uint16_t port;
};

/* 0, or -1 and `error` (or NULL). */
int address_parse_endpoint(shoal_bytes text, struct endpoint *out,
                           struct error *error);

/* Where a server is to listen: an IP address and a port. Only a loopback one,
 * unless `is_public`; what else other hosts could do, and how it is allowed, is
 * `danger` ("read what this node knows. To let them, add --option"). 0, or -1
 * and `error`. */
int address_parse_listener(const char *where, bool is_public,
                           const char *danger, struct address *out,
                           struct error *error);

/* Writes "ip:port" or "[ip]:port" (ADDRESS_MAX_ENDPOINT bytes at most). */
void address_format(const struct address *address, char *out);
/* An IPv4 address that was written as an IPv6 one is an IPv4 address. */
struct address address_plain(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);
/* The same, whatever the ports are. */
bool address_equal_host(const struct address *a, const struct address *b);
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);
/* 0.0.0.0 or [::]. */
bool address_is_wildcard(const struct address *address);
/* 224.0.0.0/3 (multicast, broadcast and what is nobody's), 127.255.255.255 or
 * ff00::/8: not one host. */
bool address_is_many(const struct address *address);
/* 127.0.0.0/8 or ::1. */
bool address_is_loopback(const struct address *address);

/* What a socket can send to: addresses of one family; `dual` (an IPv6 socket
 * open to both) reaches IPv4 too, as ::ffff:a.b.c.d. One that is bound to the
 * `loopback` reaches nothing else: no other host could answer. */
struct address_reach {
    sa_family_t family;
    bool dual, loopback;
};

/* Rewrites `address` for such a socket. false: it cannot get there. */
bool address_adapt(struct address *address, struct address_reach reach);

#endif
