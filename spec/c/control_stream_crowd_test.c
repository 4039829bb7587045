/* SPDX-License-Identifier: MIT */
/* The control socket: many peers that ask much and read nothing. */
#include "control_stream_fixture.h"

/* ---- How long they are served ---- */

static uint64_t clock_us;

static uint64_t look_at_clock(void)
{
    return clock_us;
}

/* Each message takes 0.4 ms. */
static void take_time(struct fixture *f, stream *peer, shoal_bytes message)
{
    (void)f, (void)peer, (void)message;
    clock_us += 400;
}

/* Connections that have been taken. */
static void connect_many(struct fixture *f, int *fds, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        fds[i] = connect_to(f->path);
        while (stream_server_stats(f->server).accepted <= i)
            turn(f->loop);
    }
}

static void close_many(struct fixture *f, const int *fds, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++)
        close(fds[i]);
    CHECK(wait_for_closes(f, count));
}

/* Something else that the loop has to do in every turn: a packet comes. */
struct packets {
    int in, out;
    unsigned seen; /* before this turn's messages */
    const struct fixture *f;
    unsigned messages; /* that were handed up when the last one was seen */
    unsigned most;     /* messages between two packets */
};

static void on_packet(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct packets *p = watcher->data;
    char byte;

    (void)loop, (void)events;
    CHECK(read(p->in, &byte, 1) == 1);
    p->seen++;
    if (p->f->messages - p->messages > p->most)
        p->most = p->f->messages - p->messages;
    p->messages = p->f->messages;
    CHECK(write(p->out, "x", 1) == 1);
}

static void between_two_packets_they_have_a_millisecond(void)
{
    enum { CROWD = 20, EACH = 50 };
    struct packets packets = {0};
    int fds[CROWD], ends[2], i;
    uint8_t values[EACH];
    struct fixture f;
    ev_io watcher;

    set_up(&f);
    stream_server_clock(f.server, look_at_clock);
    f.reply = take_time;
    connect_many(&f, fds, CROWD);
    memset(values, 1, sizeof values);
    for (i = 0; i < CROWD; i++)
        say(fds[i], values, sizeof values);
    CHECK(pipe(ends) == 0 && write(ends[1], "x", 1) == 1);
    packets.in = ends[0];
    packets.out = ends[1];
    packets.f = &f;
    ev_io_init(&watcher, on_packet, ends[0], EV_READ);
    watcher.data = &packets;
    ev_io_start(f.loop, &watcher);
    while (f.messages < CROWD * EACH)
        ev_run(f.loop, EVRUN_ONCE);
    CHECK(packets.most == 3); /* the third ends after the millisecond */
    CHECK(packets.seen >= CROWD * EACH / 3);
    ev_io_stop(f.loop, &watcher);
    close(ends[0]);
    close(ends[1]);
    close_many(&f, fds, CROWD);
    tear_down(&f);
}

static void one_message_is_served_however_long_it_takes(void)
{
    struct fixture f;
    int fd;

    set_up(&f);
    stream_server_clock(f.server, look_at_clock);
    fd = ask(&f, take_time, "\x01\x02\x03\x04\x05\x06", 6);
    CHECK(wait_for_messages(&f, 6));
    close(fd);
    CHECK(wait_for_closes(&f, 1));
    tear_down(&f);
}

static unsigned of_peer[2];

static void count_for_peer(struct fixture *f, stream *peer, shoal_bytes message)
{
    (void)f, (void)peer;
    of_peer[message.data[0]]++;
    clock_us += 400;
}

static void a_peer_that_asks_much_does_not_keep_another_waiting(void)
{
    struct fixture f;
    uint8_t many[1000];
    int fds[2];

    set_up(&f);
    stream_server_clock(f.server, look_at_clock);
    f.reply = count_for_peer;
    connect_many(&f, fds, 2);
    memset(many, 0, sizeof many);
    say(fds[0], many, sizeof many);
    CHECK(wait_for_messages(&f, 1));
    say(fds[1], "\x01", 1);
    while (of_peer[1] == 0)
        ev_run(f.loop, EVRUN_ONCE);
    CHECK(of_peer[0] < 20);
    close_many(&f, fds, 2);
    tear_down(&f);
}

/* ---- What they cost ---- */

static uint8_t half_mebibyte[1 << 19];

static void answer_at_length(struct fixture *f, stream *peer,
                             shoal_bytes message)
{
    (void)f, (void)message;
    CHECK(stream_send(peer, (shoal_bytes){half_mebibyte, 1 << 19}));
    CHECK(stream_server_stats(f->server).buffered <= STREAM_MAX_MEMORY);
}

static void a_peer_that_does_not_read_is_asked_no_more(void)
{
    struct fixture f;
    uint8_t many[1000];
    ssize_t size;
    size_t total = 0;
    int fd;

    set_up(&f);
    memset(many, 1, sizeof many);
    fd = ask(&f, answer_at_length, many, sizeof many);
    CHECK(wait_for_messages(&f, 1));
    run_for(f.loop, 0.05);
    CHECK(f.messages == 1); /* whose answer does not fit into the socket */
    CHECK(stream_server_stats(f.server).buffered < 1 << 20);
    while (f.messages < 3) { /* it reads: then it is served again */
        size = recv(fd, half_mebibyte, sizeof half_mebibyte, MSG_DONTWAIT);
        total += size > 0 ? (size_t)size : 0;
        ev_run(f.loop, EVRUN_NOWAIT);
    }
    CHECK(total >= 1 << 19);
    CHECK(stream_server_stats(f.server).cut_off == 0);
    close(fd);
    CHECK(wait_for_closes(&f, 1));
    tear_down(&f);
}

static stream *known[STREAM_MAX_CONNECTIONS];

static void remember(struct fixture *f, stream *peer, shoal_bytes message)
{
    (void)message;
    known[f->messages - 1] = peer;
    stream_set_tag(peer, f->messages);
}

static bool is_gone(uint64_t tag, const stream *const *gone, unsigned count)
{
    while (count-- > 0)
        if (gone[count] == known[tag - 1])
            return true;
    return false;
}

static const stream *gone[STREAM_MAX_CONNECTIONS];
static unsigned num_gone;

static void on_gone(void *context, stream *peer)
{
    on_close(context, peer);
    gone[num_gone++] = peer;
}

static stream_server *listen_with(struct fixture *f,
                                  void (*closed)(void *, stream *))
{
    stream_callbacks callbacks = {f, on_message, closed, NULL};

    return stream_listen(f->loop, f->path, &callbacks, NULL);
}

/* Events, as monitors get them, of which one monitor in twenty reads. */
static void those_that_read_least_make_room(void)
{
    enum { CROWD = 20, EVENTS = 100 };
    static uint8_t event[32 * 1024], got[64 * 1024];
    int fds[CROWD], i;
    unsigned round;
    struct fixture f;

    set_up(&f);
    stream_server_close(f.server);
    f.server = listen_with(&f, on_gone);
    f.reply = remember;
    connect_many(&f, fds, CROWD);
    for (i = 0; i < CROWD; i++) {
        say(fds[i], "\x01", 1);
        CHECK(wait_for_messages(&f, (unsigned)i + 1));
    }
    for (round = 0; round < EVENTS; round++) {
        for (i = 0; i < CROWD; i++)
            if (!is_gone((uint64_t)i + 1, gone, num_gone))
                (void)stream_send(known[i], (shoal_bytes){event, sizeof event});
        CHECK(stream_server_stats(f.server).buffered <= STREAM_MAX_MEMORY);
        ev_run(f.loop, EVRUN_NOWAIT);
        while (recv(fds[CROWD - 1], got, sizeof got, MSG_DONTWAIT) > 0)
            ev_run(f.loop, EVRUN_NOWAIT);
    }
    CHECK(stream_server_stats(f.server).cut_off == num_gone && num_gone > 0);
    CHECK(num_gone < CROWD - 1);            /* no more than it takes */
    CHECK(!is_gone(CROWD, gone, num_gone)); /* the one that reads */
    for (i = 0; i < CROWD; i++)
        close(fds[i]);
    CHECK(wait_for_closes(&f, CROWD));
    CHECK(stream_server_stats(f.server).buffered == 0);
    CHECK(stream_server_stats(f.server).connections == 0);
    tear_down(&f);
}

/* Messages that never become whole. */
static void unfinished_messages_have_a_bound_together(void)
{
    enum { CROWD = 40 };
    uint8_t *large = large_value(STREAM_MAX_MESSAGE - 5);
    size_t done[CROWD] = {0};
    int fds[CROWD], i, round;
    struct fixture f;

    set_up(&f);
    connect_many(&f, fds, CROWD);
    for (round = 0; round < 60; round++) {
        for (i = 0; i < CROWD; i++) {
            size_t left = STREAM_MAX_MESSAGE - 1 - done[i];
            ssize_t size =
                send(fds[i], large + done[i], left < 16384 ? left : 16384,
                     MSG_NOSIGNAL | MSG_DONTWAIT);

            done[i] += size > 0 ? (size_t)size : 0;
            ev_run(f.loop, EVRUN_NOWAIT);
            CHECK(stream_server_stats(f.server).buffered <= STREAM_MAX_MEMORY);
        }
    }
    CHECK(f.messages == 0);
    CHECK(stream_server_stats(f.server).cut_off > 0);
    CHECK(stream_server_stats(f.server).cut_off < CROWD);
    close_many(&f, fds, CROWD);
    free(large);
    tear_down(&f);
}

int main(void)
{
    RUN(between_two_packets_they_have_a_millisecond);
    RUN(one_message_is_served_however_long_it_takes);
    RUN(a_peer_that_asks_much_does_not_keep_another_waiting);
    RUN(a_peer_that_does_not_read_is_asked_no_more);
    RUN(those_that_read_least_make_room);
    RUN(unfinished_messages_have_a_bound_together);
    return 0;
}
