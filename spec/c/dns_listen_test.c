/* SPDX-License-Identifier: MIT */
/* The DNS listener in a loop: a flood does not keep the loop to itself, and
 * clients of TCP that do not go on are let go. */
#include "../../src/dns/dns.h"
#include "../../src/host/udp.h"
#include "dns_zone.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

static struct ev_loop *loop;
static dns_server *server;

static void start_at(const char *where, dns_options options)
{
    struct error error = {""};
    loop = ev_loop_new(EVFLAG_AUTO);
    options.domain = bytes_of_text("shoal");
    server = dns_listen(loop, where, &options, &error);
    if (!EXPECT(server != NULL)) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
}

static void start(dns_options options)
{
    start_at("127.0.0.1:0", options);
}

static void stop(void)
{
    dns_close(server);
    ev_loop_destroy(loop);
}

static int connect_by(int type)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, type, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)atoi(strchr(dns_place(server), ':') + 1));
    EXPECT(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static unsigned refreshed;

static void refresh(void *context)
{
    (void)context;
    refreshed++;
}

static unsigned turns_of_pings;

static void on_ping(struct ev_loop *of, ev_timer *watcher, int events)
{
    (void)of, (void)watcher, (void)events;
    turns_of_pings++;
}

/* A client that is connected takes an answer from the address that it asked,
 * and from no other. */
static void is_answered_by(const char *host)
{
    struct sockaddr_storage to = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&to;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&to;
    uint16_t port = htons((uint16_t)atoi(strrchr(dns_place(server), ':') + 1));
    bool is_six = strchr(host, ':') != NULL;
    shoal_bytes query = zone_query("web.service.shoal", DNS_A, 0);
    uint8_t out[QUERY_LARGEST];
    int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    to.ss_family = is_six ? AF_INET6 : AF_INET;
    if (is_six)
        six->sin6_port = port;
    else
        four->sin_port = port;
    EXPECT(inet_pton(to.ss_family, host,
                     is_six ? (void *)&six->sin6_addr
                            : (void *)&four->sin_addr) == 1);
    EXPECT(connect(fd, (struct sockaddr *)&to,
                   is_six ? sizeof *six : sizeof *four) == 0);
    EXPECT(send(fd, query.data, query.size, 0) == (ssize_t)query.size);
    for (int i = 0; i < 100 && dns_get_stats(server).queries == 0; i++) {
        ev_run(loop, EVRUN_NOWAIT);
        usleep(1000);
    }
    EXPECT(recv(fd, out, sizeof out, 0) > QUERY_HEADER);
    EXPECT(dns_get_stats(server).failed == 0);
    close(fd);
}

/* 127.0.0.2 is there as 127.0.0.1 is (on Linux). */
static void answers_leave_from_the_address_that_was_asked(void)
{
    static const struct {
        const char *where, *host;
    } cases[] = {
        {"0.0.0.0:0", "127.0.0.1"},
#ifdef __linux__
        {"0.0.0.0:0", "127.0.0.2"}, {"[::]:0", "127.0.0.2"},
#endif
        {"[::]:0", "::1"},          {"127.0.0.1:0", "127.0.0.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_at(cases[i].where, (dns_options){.is_public = true});
        is_answered_by(cases[i].host);
        stop();
    }
}

/* 200 queries wait: whatever else is in the loop has its turn after 32. */
static void a_turn_takes_one_batch(void)
{
    enum { QUERIES = 200 };
    ev_timer ping;
    start((dns_options){.refresh = refresh});
    int fd = connect_by(SOCK_DGRAM);
    shoal_bytes query = zone_query("web.service.shoal", DNS_A, 0);
    for (int i = 0; i < QUERIES; i++)
        EXPECT(send(fd, query.data, query.size, 0) == (ssize_t)query.size);
    ev_timer_init(&ping, on_ping, 0., 0.);
    ev_timer_start(loop, &ping);
    ev_run(loop, EVRUN_NOWAIT);
    EXPECT(turns_of_pings == 1);
    EXPECT(dns_get_stats(server).answers == UDP_BATCH);
    EXPECT(refreshed == 1);
    for (int turn = 1; turn * UDP_BATCH < QUERIES; turn++)
        ev_run(loop, EVRUN_NOWAIT);
    EXPECT(dns_get_stats(server).answers == QUERIES);
    close(fd);
    stop();
}

/* The same for a client of TCP that sends ahead: one query in a turn. */
static void a_connection_has_one_answer_in_a_turn(void)
{
    uint8_t ahead[64];
    start((dns_options){0});
    int fd = connect_by(SOCK_STREAM);
    shoal_bytes query = zone_query("web.service.shoal", DNS_A, 0);
    bytes_put_u16be(ahead, query.size);
    bytes_copy(ahead + 2, query);
    for (int i = 0; i < 10; i++)
        EXPECT(send(fd, ahead, query.size + 2, 0) == (ssize_t)query.size + 2);
    while (dns_get_stats(server).connections == 0)
        ev_run(loop, EVRUN_ONCE);
    for (uint64_t i = dns_get_stats(server).answers; i < 10; i++) {
        ev_run(loop, EVRUN_ONCE);
        EXPECT(dns_get_stats(server).answers <= i + 1);
    }
    close(fd);
    while (dns_get_stats(server).connections > 0)
        ev_run(loop, EVRUN_ONCE);
    stop();
}

/* One that says nothing, one that stops in the middle, one that does not read:
 * all are cut off, by a limit of its own. */
static void who_does_not_go_on_is_cut_off(void)
{
    uint8_t ahead[64];
    int small = 1;
    start((dns_options){.idle_s = 1e6, .arrive_s = .01, .write_s = 1e6});
    int silent = connect_by(SOCK_STREAM), half = connect_by(SOCK_STREAM);
    EXPECT(send(half, "\0", 1, 0) == 1);
    while (dns_get_stats(server).cut_off < 1)
        ev_run(loop, EVRUN_ONCE);
    EXPECT(dns_get_stats(server).connections == 1);
    close(half);
    close(silent);
    stop();

    start((dns_options){.idle_s = .01, .arrive_s = 1e6, .write_s = 1e6});
    silent = connect_by(SOCK_STREAM);
    while (dns_get_stats(server).cut_off < 1)
        ev_run(loop, EVRUN_ONCE);
    close(silent);
    stop();

    start((dns_options){.idle_s = 1e6, .arrive_s = 1e6, .write_s = .01});
    struct zone zone = {.table = dns_table(server)};
    for (unsigned i = 1; i <= 5000; i++)
        zone_put(&zone, i, 1, true);
    int deaf = connect_by(SOCK_STREAM);
    (void)setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    (void)fcntl(deaf, F_SETFL, O_NONBLOCK);
    shoal_bytes query = zone_query("web.service.shoal", DNS_A, 0);
    bytes_put_u16be(ahead, query.size);
    bytes_copy(ahead + 2, query);
    while (dns_get_stats(server).cut_off < 1) {
        (void)send(deaf, ahead, query.size + 2, MSG_NOSIGNAL);
        ev_run(loop, EVRUN_NOWAIT);
    }
    EXPECT(dns_get_stats(server).connections == 0);
    close(deaf);
    stop();
}

int main(void)
{
    a_turn_takes_one_batch();
    answers_leave_from_the_address_that_was_asked();
    a_connection_has_one_answer_in_a_turn();
    who_does_not_go_on_is_cut_off();
    return expect_done();
}
