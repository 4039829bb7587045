/* SPDX-License-Identifier: MIT */
/* The control socket: callbacks that close a stream or the server. */
#include "control_stream_fixture.h"

static void close_peer(struct fixture *f, stream *peer, shoal_bytes message)
{
    (void)f, (void)message;
    stream_close(peer);
    stream_close(peer);
}

static void a_callback_may_close_its_stream(void)
{
    struct fixture f;
    int fd;

    set_up(&f);
    fd = ask(&f, close_peer, "\x01\x02", 2);
    CHECK(wait_for_closes(&f, 1));
    CHECK(f.messages == 1); /* not the one behind it */
    CHECK(is_cut_off(fd));
    close(fd);
    tear_down(&f);
}

static void answer_and_close_server(struct fixture *f, stream *peer,
                                    shoal_bytes message)
{
    CHECK(stream_send(peer, message));
    stream_server_close(f->server);
    f->server = NULL;
    CHECK(!stream_send(peer, message));
    stream_close(peer);
}

static void a_callback_may_close_the_server(void)
{
    struct fixture f;
    char byte;
    int fd;

    set_up(&f);
    fd = ask(&f, answer_and_close_server, "\x01\x02", 2);
    CHECK(wait_for_messages(&f, 1));
    CHECK(recv(fd, &byte, 1, 0) == 1 && byte == 1); /* flushed */
    CHECK(is_cut_off(fd));
    CHECK(f.messages == 1 && f.closes == 0);
    close(fd);
    tear_down(&f);
}

int main(void)
{
    RUN(a_callback_may_close_its_stream);
    RUN(a_callback_may_close_the_server);
    return 0;
}
