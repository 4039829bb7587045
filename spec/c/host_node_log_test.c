/* SPDX-License-Identifier: MIT */
/* What a node tells of itself: diagnostics, and its log. */
#include "host_members.h"

#include "base/log.h"

#include <fcntl.h>

static bool has_probed(void *context)
{
    return ((struct member *)context)->events[SHOAL_EVENT_PROBE_STARTED] > 0;
}

static void diagnostics_come_when_asked_for(void)
{
    struct member m[2];

    make_member(&m[0], NULL);
    make_member(&m[1], NULL);
    host_set_diagnostics(m[0].node, 1u << SHOAL_EVENT_PROBE_STARTED);
    join(&m[1], host_bound(m[0].node));
    CHECK(wait_for_members(m, 2, 1));
    CHECK(run_until(loop, has_probed, &m[0]));
    CHECK(m[1].events[SHOAL_EVENT_PROBE_STARTED] == 0);
    CHECK(m[0].events[SHOAL_EVENT_PACKET_RECEIVED] == 0);
    host_close(m[0].node);
    host_close(m[1].node);
}

/* All that was written to the pipe so far. */
static const char *read_log(int fd)
{
    static char text[1 << 16];
    ssize_t size = read(fd, text, sizeof text - 1);

    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void open_log(struct log *log, int *reader, const char *levels)
{
    int ends[2];

    CHECK(pipe(ends) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    log_init(log);
    log->fd = ends[1];
    *reader = ends[0];
    CHECK(log_set_levels(log, levels, NULL) == 0);
}

static const char *log_of_a_short_life(const char *levels)
{
    struct member m[2];
    struct log log;
    const char *text;
    int reader;

    open_log(&log, &reader, levels);
    make_watchful_member(&m[0], "blue", &log);
    make_member(&m[1], "blue");
    join(&m[1], host_bound(m[0].node));
    CHECK(wait_for_members(m, 2, 1));
    host_close(m[1].node); /* without a word: it is probed, and suspected */
    m[1].node = NULL;
    CHECK(wait_for_members(m, 1, 0));
    host_close(m[0].node);
    text = read_log(reader);
    close(reader);
    close(log.fd);
    return text;
}

static void the_log_tells_at_info_what_an_operator_wants(void)
{
    const char *text = log_of_a_short_life("info");

    CHECK_SAYS(text, "started bind=127.0.0.1:");
    CHECK_SAYS(text, "cluster=blue");
    CHECK_SAYS(text, "member up addr=127.0.0.1:");
    CHECK_SAYS(text, "active");
    CHECK_SAYS(text, "member down addr=127.0.0.1:");
    CHECK_SAYS(text, "idle");
    CHECK_SAYS(text, "closed");
    CHECK(!strstr(text, "probe") || strstr(text, "probe_period"));
    CHECK(!strstr(text, "packet"));
    CHECK(!strstr(text, "dropped")); /* "stranger" is part of every join */
}

static void the_log_tells_at_trace_of_every_packet(void)
{
    const char *text = log_of_a_short_life("trace");

    CHECK_SAYS(text, "sent member list addr=127.0.0.1:");
    CHECK_SAYS(text, "probe started");
    CHECK_SAYS(text, "suspect");
    CHECK_SAYS(text, "packet received message=announce");
    CHECK_SAYS(text, "packet sent message=ping");
    CHECK_SAYS(text, "debug host    dropped reason=stranger");
}

static void drops_are_told_once_with_their_count(void)
{
    struct member a;
    struct log log;
    const char *text;
    int reader, fd, i;

    open_log(&log, &reader, "info");
    open_member(&a, "127.0.0.1:0", NULL, &log);
    start_member(&a, 1);
    fd = open_stranger(host_bound(a.node));
    for (i = 0; i < 5; i++)
        CHECK(send(fd, "junk", 4, 0) == 4);
    CHECK(run_until(loop, received_five, &a));
    host_wake(a.node);
    run_for(loop, 0.05);
    text = read_log(reader);
    CHECK_SAYS(text, "dropped reason=malformed");
    CHECK(!strstr(strstr(text, "dropped") + 1, "dropped"));
    close(fd);
    host_close(a.node);
    close(reader);
    close(log.fd);
}

/* ---- Challenges ---- */

enum { LIVES = 120 };

static const char TEXT[20];

static bool received_all_lives(void *context)
{
    return host_get_stats(((struct member *)context)->node)
               .datagrams_received == LIVES;
}

static void open_sealed_member(struct member *member,
                               const struct seal_keys *keys, struct log *log)
{
    struct error error = {""};
    host_options options = {
        .loop = loop,
        .bind = "127.0.0.1:0",
        .keys = keys,
        .log = log,
        .callbacks = {member, on_notify, identity_at, on_closed, on_failed}};

    memset(member, 0, sizeof *member);
    member->node = host_open(&options, &error);
    CHECK(member->node);
    start_member(member, 1);
}

/* One packet of each life that a sender has had. */
static void send_lives(int fd, const struct seal_keys *keys)
{
    uint8_t out[SEAL_OVERHEAD + 20];
    unsigned i;

    for (i = 0; i < LIVES; i++) {
        struct seal_options options = {.keys = keys};
        struct seal *seal = seal_new(&options, NULL);

        seal_packet(seal, (struct seal_time){1, 1}, bytes_of(TEXT, 20), out);
        CHECK(send(fd, out, sizeof out, 0) == sizeof out);
        seal_free(seal);
    }
}

/* It may be in two seconds, in each of which there are fifty. */
static void senders_that_are_not_challenged_are_counted_and_told_of_once(void)
{
    struct seal_keys keys = {0};
    struct member member;
    char key[CRYPTO_TEXT];
    host_stats stats;
    struct log log;
    const char *text;
    int reader, fd;

    if (*seal_problem())
        return;
    seal_keys_generate(key);
    CHECK(seal_keys_add(&keys, key, strlen(key), NULL) == 0);
    open_log(&log, &reader, "warn");
    open_sealed_member(&member, &keys, &log);
    fd = open_stranger(host_bound(member.node));
    send_lives(fd, &keys);
    CHECK(run_until(loop, received_all_lives, &member));
    stats = host_get_stats(member.node);
    CHECK(stats.challenges_dropped >= LIVES - 2 * 50);
    CHECK(stats.challenges + stats.challenges_dropped == LIVES);
    host_close(member.node);
    text = read_log(reader);
    CHECK_SAYS(text, "not all are challenged: they may be recorded ones "
                     "from=127.0.0.1:");
    CHECK(strchr(text, '\n') == text + strlen(text) - 1);
    close(fd);
    close(reader);
    close(log.fd);
}

int main(void)
{
    loop = ev_loop_new(0);
    CHECK(loop);
    RUN(diagnostics_come_when_asked_for);
    RUN(the_log_tells_at_info_what_an_operator_wants);
    RUN(the_log_tells_at_trace_of_every_packet);
    RUN(drops_are_told_once_with_their_count);
    RUN(senders_that_are_not_challenged_are_counted_and_told_of_once);
    ev_loop_destroy(loop);
    return 0;
}
