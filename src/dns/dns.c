/* SPDX-License-Identifier: MIT */
/* The server: where it listens. */
#include "dns_parts.h"

#include "../base/bytes.h"
#include "../base/clock.h"
#include "../host/loop_check.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ATTEMPTS = 16, /* to find a port that is free for UDP and TCP */
};

/* ---- Listening ---- */

static int read_where(const char *where, bool is_public, struct address *out,
                      struct error *error)
{
    if (strncmp(where, "unix:", 5) == 0 || strstr(where, "://"))
        return error_fail(
            error, "%s is not an address and a port, as 127.0.0.1:8600", where);
    return address_parse_listener(
        where, is_public,
        "ask for what this node knows. To let them, add --dns-public", out,
        error);
}

/* Both sockets, on the same port. */
static int open_once(struct dns_server *server, const struct address *where,
                     struct error *error)
{
    if (udp_open(&server->udp, where, error) != 0)
        return -1;
    server->fd = dns_tcp_open(&server->udp.bound, server->udp.reach.dual);
    if (server->fd >= 0)
        return 0;
    udp_close(&server->udp);
    return error_errno(error, errno, "cannot listen by TCP on port %u",
                       (unsigned)address_port(&server->udp.bound));
}

static int open_both(struct dns_server *server, const struct address *address,
                     struct error *error)
{
    int attempts = address_port(address) == 0 ? ATTEMPTS : 1;

    while (attempts-- > 0)
        if (open_once(server, address, error) == 0)
            return 0;
    return -1;
}

/* ns.DOMAIN is where we listen. */
static void set_own_host(struct dns_server *server)
{
    const struct address *bound = &server->udp.bound;
    struct table_host *host = &server->zone.server;

    if (address_is_wildcard(bound))
        return;
    host->size = bound->as.any.sa_family == AF_INET ? 4 : 16;
    if (host->size == 4)
        memcpy(host->ip, &bound->as.v4.sin_addr, 4);
    else
        memcpy(host->ip, &bound->as.v6.sin6_addr, 16);
}

/* What a resolver may ask for: letters, digits, - and _ between dots. */
static bool is_domain(shoal_bytes text)
{
    size_t i;

    for (i = 0; i < text.size; i++) {
        uint8_t c = label_lower(text.data[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' &&
            c != '_' && c != '.')
            return false;
    }
    return true;
}

static int make_zone(struct zone *zone, const dns_options *options,
                     struct error *error)
{
    uint64_t now_us = clock_wall_us();
    uint64_t secrets[2];

    if (!is_domain(options->domain) ||
        !label_add_text(&zone->domain, options->domain, LABEL_MAX_DOMAIN - 1))
        return error_fail(error,
                          "'%.*s' is not a domain: it has letters, digits, - "
                          "and _ between single dots, and at most 62 bytes",
                          (int)options->domain.size,
                          (const char *)options->domain.data);
    if (getentropy(secrets, sizeof secrets) != 0)
        return error_errno(error, errno, "no random numbers");
    zone->ttl = options->ttl;
    zone->serial = (uint32_t)(now_us / 1000000);
    zone->rng.state = secrets[0];
    zone->table = table_new(secrets[1]);
    return zone->table ? 0 : error_fail(error, "out of memory");
}

static uint64_t limit(double seconds, unsigned usual)
{
    return (uint64_t)((seconds > 0 ? seconds : usual) * 1e6);
}

static void watch(struct dns_server *server)
{
    dns_udp_start(server);
    dns_tcp_start(server);
}

static int open_server(struct dns_server *server, const char *where,
                       const dns_options *options, struct error *error)
{
    struct address address;
    int number;

    if (read_where(where, options->is_public, &address, error) != 0 ||
        make_zone(&server->zone, options, error) != 0)
        return -1;
    if (!udp_inbox_reserve(&server->inbox, DNS_LARGEST) ||
        !udp_outbox_init(&server->outbox))
        return error_fail(error, "cannot listen on %s: out of memory", where);
    if (open_both(server, &address, error) != 0)
        return -1;
    if (address_is_wildcard(&address) &&
        !udp_hear_local(&server->udp, &server->inbox))
        return error_fail(error, "cannot listen on %s: out of memory", where);
    number = loop_check_watching(server->loop, server->udp.fd);
    if (number != 0)
        return error_errno(error, number, "cannot listen on %s", where);
    return 0;
}

static void free_server(struct dns_server *server)
{
    udp_close(&server->udp);
    if (server->fd >= 0)
        close(server->fd);
    udp_inbox_clear(&server->inbox);
    udp_outbox_clear(&server->outbox);
    table_free(server->zone.table);
    free(server);
}

dns_server *dns_listen(struct ev_loop *loop, const char *where,
                       const dns_options *options, struct error *error)
{
    struct dns_server *server = calloc(1, sizeof *server);

    if (!server) {
        error_fail(error, "cannot listen on %s: out of memory", where);
        return NULL;
    }
    server->loop = loop;
    server->udp.fd = server->fd = -1;
    server->refresh = options->refresh;
    server->context = options->context;
    server->limits_us[PEER_IDLE] = limit(options->idle_s, DNS_IDLE_S);
    server->limits_us[PEER_ARRIVING] = limit(options->arrive_s, DNS_ARRIVE_S);
    server->limits_us[PEER_WRITING] = limit(options->write_s, DNS_WRITE_S);
    if (open_server(server, where, options, error) != 0) {
        free_server(server);
        return NULL;
    }
    address_format(&server->udp.bound, server->place);
    set_own_host(server);
    watch(server);
    return server;
}

void dns_close(dns_server *server)
{
    if (!server)
        return;
    dns_udp_stop(server);
    dns_tcp_stop(server);
    free_server(server);
}

const char *dns_place(const dns_server *server)
{
    return server->place;
}

table *dns_table(dns_server *server)
{
    return server->zone.table;
}

dns_stats dns_get_stats(const dns_server *server)
{
    return server->stats;
}
