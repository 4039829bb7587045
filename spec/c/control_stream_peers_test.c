/* SPDX-License-Identifier: MIT */
/* The control socket: peers that do not read, go away, or are too many. */
#include "control_stream_fixture.h"

static void flood(struct fixture *f, stream *peer, shoal_bytes message)
{
    static uint8_t mebibyte[1 << 20];
    int i;

    (void)f, (void)message;
    for (i = 0; i < STREAM_MAX_BACKLOG >> 20; i++)
        CHECK(stream_send(peer, (shoal_bytes){mebibyte, sizeof mebibyte}));
    CHECK(!stream_send(peer, (shoal_bytes){mebibyte, 1}));
    CHECK(!stream_send(peer, (shoal_bytes){mebibyte, 1}));
}

static void say_100_and_one(struct fixture *f, stream *peer, shoal_bytes m)
{
    static const uint8_t bytes[100];

    (void)f, (void)m;
    CHECK(stream_send(peer, (shoal_bytes){bytes, 100}));
    CHECK(!stream_send(peer, (shoal_bytes){bytes, 1}));
}

static void a_server_may_bear_less(void)
{
    struct fixture f;
    int fd;

    set_up(&f);
    stream_server_limit(f.server, 100);
    fd = ask(&f, say_100_and_one, "\x01", 1);
    CHECK(wait_for_closes(&f, 1));
    CHECK(stream_server_stats(f.server).cut_off == 1);
    close(fd);
    tear_down(&f);
}

static void a_peer_that_does_not_read_is_cut_off(void)
{
    struct fixture f;
    int fd;

    set_up(&f);
    fd = ask(&f, flood, "\x01", 1);
    CHECK(wait_for_closes(&f, 1));
    CHECK(stream_server_stats(f.server).cut_off == 1);
    close(fd);
    tear_down(&f);
}

static void much_then_close(struct fixture *f, stream *peer, shoal_bytes m)
{
    static uint8_t mebibyte[1 << 20];
    int i;

    (void)f, (void)m;
    for (i = 0; i < 4; i++)
        CHECK(stream_send(peer, (shoal_bytes){mebibyte, sizeof mebibyte}));
    stream_close(peer);
    CHECK(!stream_send(peer, (shoal_bytes){mebibyte, 1}));
}

static void a_slow_reader_gets_everything(void)
{
    static char buffer[1000];
    struct fixture f;
    size_t total = 0;
    ssize_t size;
    int fd;

    set_up(&f);
    fd = ask(&f, much_then_close, "\x01", 1);
    CHECK(wait_for_messages(&f, 1));
    for (;;) {
        size = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (size == 0)
            break;
        if (size > 0)
            total += (size_t)size;
        else
            ev_run(f.loop, EVRUN_NOWAIT);
    }
    CHECK(total == 4 << 20);
    CHECK(wait_for_closes(&f, 1));
    CHECK(stream_server_stats(f.server).cut_off == 0);
    close(fd);
    tear_down(&f);
}

/* As `nc -N` does: it says what it has to say, ends its half, and listens. */
static void a_peer_that_says_no_more_gets_its_answers(void)
{
    struct fixture f;
    char got[8];
    int fd;

    set_up(&f);
    fd = ask(&f, echo, "\x01\x02", 2);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    CHECK(wait_for_closes(&f, 1));
    CHECK(f.messages == 2);
    CHECK(recv(fd, got, sizeof got, MSG_DONTWAIT) == 2);
    CHECK(is_cut_off(fd));
    close(fd);
    tear_down(&f);
}

static void a_peer_that_is_gone_kills_nobody(void)
{
    struct fixture f;
    int fd;

    set_up(&f);
    fd = connect_to(f.path);
    say(fd, "\x01", 1);
    CHECK(wait_for_messages(&f, 1));
    close(fd);
    CHECK(stream_send(f.peer, f.last)); /* no SIGPIPE */
    CHECK(wait_for_closes(&f, 1));
    tear_down(&f);
}

static bool has_refused(void *context)
{
    struct fixture *f = context;

    return stream_server_stats(f->server).refused == 1;
}

static void there_are_64_connections_at_most(void)
{
    int fds[STREAM_MAX_CONNECTIONS + 1], i;
    struct fixture f;

    set_up(&f);
    for (i = 0; i < STREAM_MAX_CONNECTIONS; i++) {
        fds[i] = connect_to(f.path);
        say(fds[i], "\x01", 1);
        CHECK(wait_for_messages(&f, (unsigned)i + 1));
    }
    fds[i] = connect_to(f.path);
    CHECK(run_until(f.loop, has_refused, &f));
    CHECK(is_cut_off(fds[i]));
    for (; i >= 0; i--)
        close(fds[i]);
    CHECK(wait_for_closes(&f, STREAM_MAX_CONNECTIONS));
    tear_down(&f);
}

int main(void)
{
    RUN(a_peer_that_does_not_read_is_cut_off);
    RUN(a_server_may_bear_less);
    RUN(a_slow_reader_gets_everything);
    RUN(a_peer_that_says_no_more_gets_its_answers);
    RUN(a_peer_that_is_gone_kills_nobody);
    RUN(there_are_64_connections_at_most);
    return 0;
}
