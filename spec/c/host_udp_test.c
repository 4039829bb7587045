/* SPDX-License-Identifier: MIT */
/* Datagrams in batches, and the plain twin that does the same one by one. */
#include "host_test.h"

#include "host/host.h"
#include "host/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

static bool plainly; /* without recvmmsg and sendmmsg */

struct pair {
    struct udp a, b;
    struct udp_inbox inbox; /* of b */
    struct udp_outbox outbox;
    unsigned failed;
    int last_error;
};

static void open_socket(struct udp *udp, const char *where)
{
    struct endpoint endpoint;

    CHECK(address_parse_endpoint(bytes_of_text(where), &endpoint, NULL) == 0);
    CHECK(udp_open(udp, &endpoint.address, NULL) == 0);
    udp->plain = udp->plain || plainly;
}

static void set_up(struct pair *pair)
{
    memset(pair, 0, sizeof *pair);
    open_socket(&pair->a, "127.0.0.1:0");
    open_socket(&pair->b, "127.0.0.1:0");
    CHECK(udp_inbox_reserve(&pair->inbox, 1400));
    CHECK(udp_outbox_init(&pair->outbox));
}

static void tear_down(struct pair *pair)
{
    udp_close(&pair->a);
    udp_close(&pair->b);
    udp_inbox_clear(&pair->inbox);
    udp_outbox_clear(&pair->outbox);
}

static void on_failed(void *context, const struct address *to, int number)
{
    struct pair *pair = context;

    (void)to;
    pair->failed++;
    pair->last_error = number;
}

static bool add(struct pair *pair, const char *prefix, const char *text,
                const struct address *to)
{
    return udp_outbox_add(&pair->outbox, bytes_of_text(prefix),
                          bytes_of_text(text), to);
}

static struct udp_sent flush(struct pair *pair)
{
    return udp_flush(&pair->a, &pair->outbox, on_failed, pair);
}

/* Loopback delivers what is sent in one go in one go, but not always before
 * sendmsg() is back: a busy Linux may leave it to another thread of its own. */
static int receive_at(struct pair *pair, struct udp *udp)
{
    struct pollfd readable = {.fd = udp->fd, .events = POLLIN};

    CHECK(poll(&readable, 1, (int)PATIENCE * 1000) == 1);
    return udp_receive(udp, &pair->inbox);
}

static int receive(struct pair *pair)
{
    return receive_at(pair, &pair->b);
}

static shoal_bytes receive_one(struct pair *pair, bool *truncated)
{
    CHECK(receive(pair) == 1);
    return udp_datagram(&pair->inbox, 0, truncated);
}

static void datagrams_arrive_in_order_and_in_batches(void)
{
    struct pair pair;
    char text[32];
    int i, count, total = 0;

    set_up(&pair);
    for (i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "packet %d", i);
        if (!add(&pair, "in ", text, &pair.b.bound)) {
            CHECK(flush(&pair).datagrams == UDP_BATCH);
            CHECK(add(&pair, "in ", text, &pair.b.bound));
        }
    }
    CHECK(flush(&pair).datagrams == 50 - UDP_BATCH);
    CHECK(flush(&pair).datagrams == 0);
    while (total < 50) {
        count = receive(&pair);
        CHECK(count > 0);
        for (i = 0; i < count; i++) {
            bool truncated;
            shoal_bytes got = udp_datagram(&pair.inbox, i, &truncated);

            snprintf(text, sizeof text, "in packet %d", total++);
            CHECK(!truncated && got.size == strlen(text));
            CHECK(memcmp(got.data, text, got.size) == 0);
        }
    }
    CHECK(udp_receive(&pair.b, &pair.inbox) == 0);
    CHECK(total == 50 && pair.failed == 0);
    tear_down(&pair);
}

static void a_datagram_that_is_too_large_is_marked(void)
{
    struct pair pair;
    char text[1502];
    bool truncated;

    set_up(&pair);
    memset(text, 'x', sizeof text);
    text[1401] = '\0';
    CHECK(add(&pair, "", text, &pair.b.bound));
    text[1400] = '\0';
    CHECK(add(&pair, "", text, &pair.b.bound));
    CHECK(flush(&pair).bytes == 1401 + 1400);
    CHECK(receive(&pair) == 2);
    CHECK(udp_datagram(&pair.inbox, 0, &truncated).size == 1400 && truncated);
    CHECK(udp_datagram(&pair.inbox, 1, &truncated).size == 1400 && !truncated);
    tear_down(&pair);
}

static void the_inbox_grows_and_shrinks(void)
{
    struct pair pair;
    char text[3001];
    bool truncated;

    set_up(&pair);
    memset(text, 'x', sizeof text);
    text[3000] = '\0';
    CHECK(udp_inbox_reserve(&pair.inbox, 3000));
    CHECK(add(&pair, "", text, &pair.b.bound));
    flush(&pair);
    CHECK(receive_one(&pair, &truncated).size == 3000 && !truncated);
    CHECK(udp_inbox_reserve(&pair.inbox, 100));
    CHECK(add(&pair, "", text, &pair.b.bound));
    flush(&pair);
    CHECK(receive_one(&pair, &truncated).size == 100 && truncated);
    tear_down(&pair);
}

static void the_largest_packet_goes_through_with_its_prefix(void)
{
    static uint8_t packet[SHOAL_MAX_PACKET];
    shoal_bytes bytes = {packet, SHOAL_MAX_PACKET - 3};
    struct pair pair;
    bool truncated;

    set_up(&pair);
    CHECK(udp_inbox_reserve(&pair.inbox, SHOAL_MAX_PACKET));
    CHECK(udp_outbox_add(&pair.outbox, bytes_of_text("pre"), bytes,
                         &pair.b.bound));
    CHECK(flush(&pair).bytes == SHOAL_MAX_PACKET);
    CHECK(receive_one(&pair, &truncated).size == SHOAL_MAX_PACKET);
    CHECK(!truncated);
    tear_down(&pair);
}

static void a_failed_send_does_not_hold_up_the_others(void)
{
    static uint8_t huge[65535];
    struct pair pair;
    bool truncated;

    set_up(&pair);
    CHECK(add(&pair, "", "one", &pair.b.bound));
    CHECK(udp_outbox_add(&pair.outbox, bytes_of_text(""),
                         (shoal_bytes){huge, sizeof huge}, &pair.b.bound));
    CHECK(add(&pair, "", "two", &pair.b.bound));
    CHECK(flush(&pair).datagrams == 2);
    CHECK(pair.failed == 1 && pair.last_error == EMSGSIZE);
    CHECK(receive(&pair) == 2);
    CHECK(memcmp(udp_datagram(&pair.inbox, 1, &truncated).data, "two", 3) == 0);
    tear_down(&pair);
}

/* A connected socket hears of the ICMP message that nobody listens there. */
static void an_error_of_an_earlier_datagram_loses_no_later_one(void)
{
    struct pair pair;
    struct udp gone;
    struct address nobody;
    char where[40];

    set_up(&pair);
    own_address(where);
    open_socket(&gone, where);
    nobody = gone.bound;
    udp_close(&gone);
    CHECK(connect(pair.a.fd, &nobody.as.any, nobody.size) == 0);
    CHECK(send(pair.a.fd, "x", 1, 0) == 1);
    CHECK(add(&pair, "", "kept", &pair.b.bound));
    CHECK(flush(&pair).datagrams == 1);
    CHECK(pair.failed == 0);
    CHECK(receive(&pair) == 1);
    CHECK(send(pair.a.fd, "x", 1, 0) == 1);
    CHECK(receive_at(&pair, &pair.a) == -1 && errno == ECONNREFUSED);
    CHECK(udp_receive(&pair.a, &pair.inbox) == 0);
    tear_down(&pair);
}

static void sockets_are_closed_on_exec_and_do_not_block(void)
{
    struct pair pair;

    set_up(&pair);
    CHECK(fcntl(pair.a.fd, F_GETFD) & FD_CLOEXEC);
    CHECK(fcntl(pair.a.fd, F_GETFL) & O_NONBLOCK);
    CHECK(udp_receive(&pair.b, &pair.inbox) == 0);
    tear_down(&pair);
}

static void run_all(void)
{
    RUN(datagrams_arrive_in_order_and_in_batches);
    RUN(a_datagram_that_is_too_large_is_marked);
    RUN(the_inbox_grows_and_shrinks);
    RUN(the_largest_packet_goes_through_with_its_prefix);
    RUN(a_failed_send_does_not_hold_up_the_others);
    RUN(an_error_of_an_earlier_datagram_loses_no_later_one);
    RUN(sockets_are_closed_on_exec_and_do_not_block);
}

int main(void)
{
    run_all();
    plainly = true;
    run_all();
    return 0;
}
