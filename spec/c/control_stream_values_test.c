/* SPDX-License-Identifier: MIT */
/* The control socket: values in and out, in whatever pieces, and junk. */
#include "control_stream_fixture.h"

static void values_come_and_go_in_order(void)
{
    struct fixture f;
    char got[20];
    int fd;

    set_up(&f);
    fd = ask(&f, echo, "\x93\x01\x02\x03\xa2hi\xc0",
             8); /* [1, 2, 3], "hi", nil */
    CHECK(wait_for_messages(&f, 3));
    ev_run(f.loop, EVRUN_NOWAIT);
    CHECK(recv(fd, got, sizeof got, MSG_DONTWAIT) == 8);
    CHECK(memcmp(got, "\x93\x01\x02\x03\xa2hi\xc0", 8) == 0);
    close(fd);
    CHECK(wait_for_closes(&f, 1));
    tear_down(&f);
}

static void a_value_may_come_byte_by_byte(void)
{
    static const char value[] = "\x82\xa1"
                                "a\x91\x01\xa1"
                                "b\xc4\x02xy";
    struct fixture f;
    size_t i;
    int fd;

    set_up(&f);
    fd = connect_to(f.path);
    for (i = 0; i + 1 < sizeof value; i++) {
        CHECK(f.messages == 0);
        say(fd, value + i, 1);
        ev_run(f.loop, EVRUN_NOWAIT);
        ev_run(f.loop, EVRUN_NOWAIT);
    }
    CHECK(wait_for_messages(&f, 1));
    CHECK(f.last.size == sizeof value - 1);
    close(fd);
    tear_down(&f);
}

/* Sends all while the loop reads. */
static void say_much(struct fixture *f, int fd, const uint8_t *bytes,
                     size_t size)
{
    while (size > 0) {
        ssize_t done = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (done > 0) {
            bytes += done;
            size -= (size_t)done;
        } else if (errno != EAGAIN) {
            return; /* cut off */
        }
        ev_run(f->loop, EVRUN_NOWAIT);
    }
}

static void a_value_has_a_mebibyte_at_most(void)
{
    uint8_t *fits = large_value(STREAM_MAX_MESSAGE - 5);
    uint8_t *too_large = large_value(STREAM_MAX_MESSAGE - 4);
    struct fixture f;
    int fd;

    set_up(&f);
    fd = connect_to(f.path);
    say_much(&f, fd, fits, STREAM_MAX_MESSAGE);
    CHECK(wait_for_messages(&f, 1));
    CHECK(f.last.size == STREAM_MAX_MESSAGE);
    say_much(&f, fd, too_large, 5); /* its head is enough */
    CHECK(wait_for_closes(&f, 1));
    CHECK(is_cut_off(fd));
    CHECK(stream_server_stats(f.server).malformed == 1);
    close(fd);
    free(fits);
    free(too_large);
    tear_down(&f);
}

static void junk_ends_its_connection_and_no_other(void)
{
    struct fixture f;
    int good, bad, deep;

    set_up(&f);
    good = connect_to(f.path);
    bad = connect_to(f.path);
    deep = connect_to(f.path);
    say(bad, "\xc1", 1);
    say(deep,
        "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"
        "\x91\x91\x91\x01",
        20);
    CHECK(wait_for_closes(&f, 2));
    CHECK(is_cut_off(bad) && is_cut_off(deep));
    CHECK(stream_server_stats(f.server).malformed == 2);
    say(good, "\x01", 1);
    CHECK(wait_for_messages(&f, 1));
    close(good);
    close(bad);
    close(deep);
    tear_down(&f);
}

static void random_bytes_do_no_harm(void)
{
    struct fixture f;
    unsigned seed = 12345;
    int i;

    set_up(&f);
    for (i = 0; i < 500; i++) {
        uint8_t bytes[300];
        size_t k;
        int fd = connect_to(f.path);

        for (k = 0; k < sizeof bytes; k++)
            bytes[k] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
        say(fd, bytes, sizeof bytes);
        ev_run(f.loop, EVRUN_NOWAIT);
        ev_run(f.loop, EVRUN_NOWAIT);
        close(fd);
    }
    CHECK(wait_for_closes(&f, 500));
    tear_down(&f);
}

int main(void)
{
    RUN(values_come_and_go_in_order);
    RUN(a_value_may_come_byte_by_byte);
    RUN(a_value_has_a_mebibyte_at_most);
    RUN(junk_ends_its_connection_and_no_other);
    RUN(random_bytes_do_no_harm);
    return 0;
}
