/* SPDX-License-Identifier: MIT */
/*
 * Connections (RFC 7766): any number of queries, each behind its length.
 *
 * No more is read than the query that is being read, and the next one not
 * before its answer is written. So a turn of the loop answers one query of each
 * connection, and what a client sends ahead waits in the system.
 */
#include "dns_parts.h"

#include "../base/bytes.h"
#include "../base/clock.h"
#include "../base/list.h"
#include "../host/loop_check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum { BACKLOG = 64, ACCEPTS = 8 /* in one turn */ };

static const double SWEEP_S = 1.;

/* ---- The listening socket ---- */

static void set_flags(int fd)
{
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
}

int dns_tcp_open(const struct address *where, bool is_dual)
{
    int fd = socket(where->as.any.sa_family, SOCK_STREAM, 0), on = 1;
    int only = !is_dual, number;

    if (fd < 0)
        return -1;
    set_flags(fd);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where->as.any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (bind(fd, &where->as.any, where->size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* ---- Connections ---- */

static void enter(struct dns_peer *peer, enum peer_phase phase)
{
    peer->phase = phase;
    peer->since_us = clock_monotonic_us();
}

static void end(struct dns_peer *peer)
{
    ev_io_stop(peer->server->loop, &peer->io);
    close(peer->io.fd);
    LIST_REMOVE(peer);
    peer->server->stats.connections--;
    free(peer->out);
    free(peer);
}

static void watch_for(struct dns_peer *peer, int events)
{
    struct ev_loop *loop = peer->server->loop;

    if (peer->io.events == events)
        return;
    ev_io_stop(loop, &peer->io);
    ev_io_set(&peer->io, peer->io.fd, events);
    ev_io_start(loop, &peer->io);
}

static bool is_over(ssize_t done)
{
    return done == 0 || (done < 0 && errno != EAGAIN && errno != EWOULDBLOCK &&
                         errno != EINTR);
}

/* The answer is written: the next query. */
static void begin_query(struct dns_peer *peer)
{
    peer->size = 0;
    free(peer->out);
    peer->out = NULL;
    enter(peer, PEER_IDLE);
    watch_for(peer, EV_READ);
}

/* false: it is over. */
static bool keep_rest(struct dns_peer *peer, const uint8_t *rest, size_t size)
{
    peer->out = malloc(size);
    if (!peer->out)
        return false;
    memcpy(peer->out, rest, size);
    peer->out_at = 0;
    peer->out_size = size;
    enter(peer, PEER_WRITING);
    watch_for(peer, EV_WRITE);
    return true;
}

/* false: it is over, or is to be: its answer cannot be written, or there is
 * none (it is not a query). */
static bool answer_peer(struct dns_peer *peer)
{
    struct dns_server *server = peer->server;
    uint8_t *out = server->scratch;
    size_t size;
    ssize_t done;

    if (server->refresh)
        server->refresh(server->context);
    size = dns_answer(server, (shoal_bytes){peer->query + 2, peer->size - 2},
                      true, out + 2, ANSWER_MAX);
    if (size == 0)
        return false;
    bytes_put_u16be(out, size);
    size += 2;
    done = send(peer->io.fd, out, size, MSG_NOSIGNAL);
    if (is_over(done))
        return false;
    if (done < 0)
        done = 0;
    if ((size_t)done < size)
        return keep_rest(peer, out + done, size - (size_t)done);
    begin_query(peer);
    return true;
}

static bool write_rest(struct dns_peer *peer)
{
    ssize_t done = send(peer->io.fd, peer->out + peer->out_at,
                        peer->out_size - peer->out_at, MSG_NOSIGNAL);

    if (is_over(done))
        return false;
    if (done > 0)
        peer->out_at += (size_t)done;
    if (peer->out_at == peer->out_size)
        begin_query(peer);
    return true;
}

/* Bytes that the query has, as far as is known. */
static size_t whole_size(const struct dns_peer *peer)
{
    return peer->size < 2 ? 2 : 2 + (size_t)bytes_u16be(peer->query);
}

/* false: it is over. */
static bool read_query(struct dns_peer *peer)
{
    int reads;

    for (reads = 0; reads < 2; reads++) { /* the length, the rest */
        size_t whole = whole_size(peer);
        ssize_t done;

        if (whole > sizeof peer->query)
            return false;
        done =
            recv(peer->io.fd, peer->query + peer->size, whole - peer->size, 0);
        if (is_over(done))
            return false;
        if (done < 0)
            return true;
        if (peer->size == 0)
            enter(peer, PEER_ARRIVING);
        peer->size += (size_t)done;
        if (peer->size > 2 && peer->size == whole_size(peer))
            return answer_peer(peer);
    }
    return true;
}

static void on_peer(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct dns_peer *peer = watcher->data;
    bool goes_on;

    (void)loop;
    if (events & EV_ERROR)
        goes_on = false;
    else if (peer->phase == PEER_WRITING)
        goes_on = write_rest(peer);
    else
        goes_on = read_query(peer);
    if (!goes_on)
        end(peer);
}

/* ---- Who may come, who has to go ---- */

static unsigned count_of(const struct dns_server *server,
                         const struct address *from)
{
    const struct dns_peer *peer;
    unsigned count = 0;

    for (peer = server->peers; peer; peer = peer->next)
        count += address_equal_host(&peer->address, from);
    return count;
}

static bool make_room(struct dns_server *server)
{
    struct dns_peer *peer, *oldest = NULL;

    if (server->stats.connections < DNS_MAX_CONNECTIONS)
        return true;
    for (peer = server->peers; peer; peer = peer->next)
        if (peer->phase != PEER_WRITING &&
            (!oldest || peer->since_us < oldest->since_us))
            oldest = peer;
    if (!oldest)
        return false;
    server->stats.cut_off++;
    end(oldest);
    return true;
}

static void take(struct dns_server *server, int fd, const struct address *from)
{
    int on = 1;
    struct dns_peer *peer = NULL;

    set_flags(fd);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if ((address_is_loopback(from) ||
         count_of(server, from) < DNS_MAX_PER_HOST) &&
        make_room(server))
        peer = calloc(1, sizeof *peer);
    if (!peer) {
        server->stats.refused++;
        close(fd);
        return;
    }
    peer->server = server;
    peer->address = *from;
    LIST_PUSH(server->peers, peer);
    server->stats.connections++;
    server->stats.accepted++;
    enter(peer, PEER_IDLE);
    ev_io_init(&peer->io, on_peer, fd, EV_READ);
    ev_set_priority(&peer->io, DNS_PRIORITY);
    peer->io.data = peer;
    ev_io_start(server->loop, &peer->io);
    if (!ev_is_active(&server->sweep))
        ev_timer_again(server->loop, &server->sweep);
}

/* Out of descriptors: the listener would stay readable, and the loop would
 * spin. The next sweep tries again. */
static void pause_accepting(struct dns_server *server)
{
    ev_io_stop(server->loop, &server->acceptable);
    server->paused = true;
    ev_timer_again(server->loop, &server->sweep);
}

static void on_acceptable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct dns_server *server = watcher->data;
    int i;

    (void)loop;
    if (events & EV_ERROR) {
        pause_accepting(server);
        return;
    }
    for (i = 0; i < ACCEPTS; i++) {
        struct address from = {.size = sizeof from.as};
        int fd = accept(server->fd, &from.as.any, &from.size);

        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (fd < 0 && errno != EINTR && errno != ECONNABORTED) {
            pause_accepting(server);
            return;
        }
        if (fd >= 0)
            take(server, fd, &from);
    }
}

static void on_sweep(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct dns_server *server = watcher->data;
    uint64_t now_us = clock_monotonic_us();
    struct dns_peer *peer, *next;

    (void)events;
    for (peer = server->peers; peer; peer = next) {
        next = peer->next;
        if (now_us - peer->since_us < server->limits_us[peer->phase])
            continue;
        server->stats.cut_off++;
        end(peer);
    }
    if (server->paused) {
        server->paused = false;
        loop_watch_again(loop, &server->acceptable);
    }
    if (!server->peers)
        ev_timer_stop(loop, watcher);
}

void dns_tcp_start(struct dns_server *server)
{
    ev_io_init(&server->acceptable, on_acceptable, server->fd, EV_READ);
    ev_set_priority(&server->acceptable, DNS_PRIORITY);
    server->acceptable.data = server;
    ev_io_start(server->loop, &server->acceptable);
    ev_init(&server->sweep, on_sweep);
    server->sweep.repeat = SWEEP_S;
    server->sweep.data = server;
}

void dns_tcp_stop(struct dns_server *server)
{
    while (server->peers)
        end(server->peers);
    ev_io_stop(server->loop, &server->acceptable);
    ev_timer_stop(server->loop, &server->sweep);
}
