/* SPDX-License-Identifier: MIT */
/* Nodes on loopback: real engines, real sockets, one loop. */
#include "host_test.h"

#include "host/host.h"
#include "host/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

/* ---- A member of the test's cluster ---- */

struct member {
    host *node;
    shoal_handlers handlers;
    unsigned events[SHOAL_NUM_EVENTS];
    unsigned joined, closed;
    char join_error[HOST_MAX_ERROR];
    /* what a handler does at an event; NULL: nothing */
    void (*on_event)(struct member *member, shoal_event event);
};

static struct ev_loop *loop;

static void on_notify(void *context, const shoal_effect *effect)
{
    struct member *member = context;

    member->events[effect->event]++;
    if (member->on_event)
        member->on_event(member, effect->event);
}

static int identity_at(void *context, const char *endpoint, uint8_t *out,
                       size_t *size)
{
    (void)context;
    return shoal_stock_identity_new(text_bytes(endpoint), 0, out, size);
}

static void on_closed(void *context)
{
    struct member *member = context;

    member->closed++;
    member->node = NULL;
}

static void on_joined(void *context, const char *endpoint, const char *error)
{
    struct member *member = context;

    (void)endpoint;
    member->joined++;
    snprintf(member->join_error, sizeof member->join_error, "%s",
             error ? error : "");
}

static void open_member(struct member *member, const char *bind,
                        const char *cluster, struct log *log)
{
    host_options options = {0};
    char error[HOST_MAX_ERROR] = "";

    memset(member, 0, sizeof *member);
    options.loop = loop;
    options.bind = bind;
    options.cluster = cluster;
    options.log = log;
    options.callbacks =
        (host_callbacks){member, on_notify, identity_at, on_closed};
    member->node = host_open(&options, error);
    if (!member->node)
        fprintf(stderr, "%s\n", error);
    CHECK(member->node);
}

static void start_member(struct member *member, uint64_t bump)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    char error[HOST_MAX_ERROR];
    shoal_options options = {0};
    size_t size;

    CHECK(shoal_stock_identity_new(text_bytes(host_bound(member->node)), bump,
                                   id, &size) == 0);
    options.identity = (shoal_bytes){id, size};
    options.seed = 7 + bump;
    options.config = shoal_config_loopback(4);
    options.handlers.identity = shoal_stock_identity();
    options.handlers.codec = shoal_default_codec();
    CHECK(host_start(member->node, &options, error) == 0);
}

static void make_member(struct member *member, const char *cluster)
{
    open_member(member, "127.0.0.1:0", cluster, NULL);
    start_member(member, 1);
}

static void join(struct member *member, const char *endpoint)
{
    CHECK(host_join(member->node, endpoint, on_joined, member, NULL) == 0);
}

/* ---- What is waited for ---- */

struct count {
    struct member *members;
    size_t count, expected;
};

static bool all_see(void *context)
{
    struct count *c = context;
    size_t i;

    for (i = 0; i < c->count; i++)
        if (c->members[i].node &&
            shoal_num_members(host_engine(c->members[i].node)) != c->expected)
            return false;
    return true;
}

static bool wait_for_members(struct member *members, size_t count,
                             size_t expected)
{
    struct count c = {members, count, expected};

    return run_until(loop, all_see, &c, 20);
}

static bool is_joined(void *context)
{
    return ((struct member *)context)->joined > 0;
}

/* ---- Life ---- */

static void a_node_opens_starts_and_closes(void)
{
    struct member a;

    make_member(&a, NULL);
    CHECK(strncmp(host_bound(a.node), "127.0.0.1:", 10) == 0);
    CHECK(strcmp(host_bound(a.node), "127.0.0.1:0") != 0);
    run_until(loop, never, NULL, 0.05);
    CHECK(host_close(a.node));
    CHECK(a.closed == 0); /* nobody needs to be told: it was no callback */
    open_member(&a, "127.0.0.1:0", NULL, NULL);
    host_close(a.node); /* never started */
    CHECK(host_close(NULL));
}

static void fails_to_open(const char *bind, const char *cluster,
                          const char *why)
{
    host_options options = {0};
    char error[HOST_MAX_ERROR] = "";

    options.loop = loop;
    options.bind = bind;
    options.cluster = cluster;
    CHECK(!host_open(&options, error));
    CHECK_SAYS(error, why);
}

static void what_cannot_be_bound_is_told_why(void)
{
    struct member a;
    char label[70];

    memset(label, 'x', sizeof label);
    label[69] = '\0';
    make_member(&a, NULL);
    fails_to_open(host_bound(a.node), NULL, "address already in use");
    fails_to_open("192.0.2.1:0", NULL, "cannot bind 192.0.2.1:0");
    fails_to_open("nonsense", NULL, "no port");
    fails_to_open("127.0.0.1:0", label, "69 bytes");
    host_close(a.node);
}

static void a_wrong_config_does_not_start(void)
{
    shoal_options options = {0};
    char error[HOST_MAX_ERROR];
    struct member a;

    open_member(&a, "127.0.0.1:0", NULL, NULL);
    options.config = shoal_config_lan(1);
    options.config.probe_rtt_us = options.config.probe_period_us;
    options.handlers.identity = shoal_stock_identity();
    options.handlers.codec = shoal_default_codec();
    CHECK(host_start(a.node, &options, error) == SHOAL_ERR_INVALID_CONFIG);
    CHECK_SAYS(error, "probe_rtt");
    CHECK(!host_engine(a.node));
    host_close(a.node);
}

/* ---- Members find each other ---- */

static void three_members_see_each_other(void)
{
    struct member m[3];
    size_t i;

    for (i = 0; i < 3; i++)
        make_member(&m[i], "blue");
    join(&m[1], host_bound(m[0].node));
    join(&m[2], host_bound(m[0].node));
    CHECK(wait_for_members(m, 3, 2));
    CHECK(m[1].joined == 1 && strcmp(m[1].join_error, "") == 0);
    for (i = 0; i < 3; i++) {
        CHECK(m[i].events[SHOAL_EVENT_MEMBER_UP] == 2);
        CHECK(m[i].events[SHOAL_EVENT_ACTIVE] == 1);
        CHECK(m[i].events[SHOAL_EVENT_PROBE_STARTED] == 0);
        host_close(m[i].node);
    }
}

static void a_member_that_leaves_is_known_to_be_down_at_once(void)
{
    struct member m[3];
    double before;
    size_t i;

    for (i = 0; i < 3; i++)
        make_member(&m[i], NULL);
    join(&m[1], host_bound(m[0].node));
    join(&m[2], host_bound(m[0].node));
    CHECK(wait_for_members(m, 3, 2));
    CHECK(shoal_leave(host_engine(m[2].node), host_now(m[2].node)) == 0);
    host_close(m[2].node); /* sends what waits */
    m[2].node = NULL;
    before = ev_time();
    CHECK(wait_for_members(m, 3, 1));
    CHECK(ev_time() - before < 0.5);
    host_close(m[0].node);
    host_close(m[1].node);
}

static void a_member_that_dies_is_found_down(void)
{
    struct member m[3];
    size_t i;

    for (i = 0; i < 3; i++)
        make_member(&m[i], NULL);
    join(&m[1], host_bound(m[0].node));
    join(&m[2], host_bound(m[0].node));
    CHECK(wait_for_members(m, 3, 2));
    host_close(m[2].node); /* without a word */
    m[2].node = NULL;
    CHECK(wait_for_members(m, 3, 1));
    CHECK(m[0].events[SHOAL_EVENT_MEMBER_DOWN] == 1);
    host_close(m[0].node);
    host_close(m[1].node);
}

static void members_meet_over_ipv6_and_over_both(void)
{
    struct member m[2];
    char mapped[HOST_MAX_ENDPOINT];

    open_member(&m[0], "[::]:0", NULL, NULL);
    start_member(&m[0], 1);
    open_member(&m[1], "[::1]:0", NULL, NULL);
    start_member(&m[1], 1);
    join(&m[0], host_bound(m[1].node));
    CHECK(run_until(loop, is_joined, &m[0], 10));
    host_close(m[1].node);
    open_member(&m[1], "127.0.0.1:0", NULL, NULL);
    start_member(&m[1], 1);
    snprintf(mapped, sizeof mapped, "%s", host_bound(m[1].node));
    m[0].joined = 0;
    join(&m[0], mapped);
    CHECK(run_until(loop, is_joined, &m[0], 10));
    CHECK(strcmp(m[0].join_error, "") == 0);
    CHECK(wait_for_members(&m[1], 1, 1)); /* the announce got through */
    host_close(m[0].node);
    host_close(m[1].node);
}

/* ---- Seeds ---- */

static void joining_tells_what_cannot_work(void)
{
    char error[HOST_MAX_ERROR];
    struct member a;

    make_member(&a, NULL);
    CHECK(host_join(a.node, "nonsense", on_joined, &a, error) == -1);
    CHECK_SAYS(error, "no port");
    CHECK(host_join(a.node, "127.0.0.1:0", on_joined, &a, error) == -1);
    CHECK_SAYS(error, "port 0");
    CHECK(a.joined == 0);
    host_close(a.node);
}

static void a_seed_may_be_named_before_the_start_and_by_name(void)
{
    struct member m[2];
    char seed[HOST_MAX_ENDPOINT];

    make_member(&m[0], NULL);
    snprintf(seed, sizeof seed, "localhost%s", host_bound(m[0].node) + 9);
    open_member(&m[1], "127.0.0.1:0", NULL, NULL);
    join(&m[1], seed);
    start_member(&m[1], 1);
    CHECK(wait_for_members(m, 2, 1));
    host_close(m[0].node);
    host_close(m[1].node);
}

static void a_node_is_closed_while_its_seed_is_looked_up(void)
{
    struct member a;
    int i;

    for (i = 0; i < 50; i++) {
        make_member(&a, NULL);
        join(&a, "localhost:1");
        if (i % 2)
            ev_run(loop, EVRUN_NOWAIT);
        host_close(a.node);
    }
    run_until(loop, never, NULL, 0.05);
}

static void a_seed_that_comes_up_later_is_found(void)
{
    struct member m[2];
    char seed[HOST_MAX_ENDPOINT];

    make_member(&m[0], NULL);
    snprintf(seed, sizeof seed, "%s", host_bound(m[0].node));
    host_close(m[0].node);
    make_member(&m[1], NULL);
    join(&m[1], seed);
    CHECK(run_until(loop, is_joined, &m[1], 10));
    open_member(&m[0], seed, NULL, NULL);
    start_member(&m[0], 2);
    CHECK(wait_for_members(m, 2, 1)); /* by the second or third announce */
    host_close(m[0].node);
    host_close(m[1].node);
}

static void a_node_that_is_its_own_seed_stays_quiet(void)
{
    struct member a;

    make_member(&a, NULL);
    join(&a, host_bound(a.node));
    CHECK(run_until(loop, is_joined, &a, 10));
    CHECK(strcmp(a.join_error, "") == 0);
    CHECK(host_get_stats(a.node).datagrams_sent == 0);
    host_close(a.node);
}

/* ---- Hostile and foreign datagrams ---- */

static int open_stranger(const char *bound)
{
    struct sockaddr_in to = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)atoi(strchr(bound, ':') + 1));
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static bool received_five(void *context)
{
    return host_get_stats(((struct member *)context)->node)
               .datagrams_received == 5;
}

static void what_is_not_for_the_engine_is_counted(void)
{
    static const uint8_t foreign[] = {0xc1, 1, 'x', 'p'};
    uint8_t large[3000];
    struct member a;
    int fd;

    make_member(&a, NULL);
    fd = open_stranger(host_bound(a.node));
    memset(large, 0xff, sizeof large);
    CHECK(send(fd, foreign, sizeof foreign, 0) == sizeof foreign);
    CHECK(send(fd, large, sizeof large, 0) == sizeof large);
    CHECK(send(fd, large, 100, 0) == 100);
    CHECK(send(fd, large, 0, 0) == 0);
    CHECK(send(fd, large, 1, 0) == 1);
    CHECK(run_until(loop, received_five, &a, 10));
    CHECK(host_get_stats(a.node).foreign_cluster == 1);
    CHECK(host_get_stats(a.node).truncated == 1);
    CHECK(shoal_get_stats(host_engine(a.node)).dropped[SHOAL_DROP_MALFORMED] ==
          3);
    close(fd);
    host_close(a.node);
}

static unsigned peeks;

static shoal_bytes count_peek(void *context, shoal_bytes packet)
{
    peeks++;
    return shoal_default_codec().peek_source(context, packet);
}

static void make_peeking_member(struct member *member)
{
    shoal_handlers handlers = {.identity = shoal_stock_identity(),
                               .codec = shoal_default_codec()};

    make_member(member, "blue");
    handlers.codec.peek_source = count_peek;
    CHECK(shoal_set_handlers(host_engine(member->node), &handlers) == 0);
    peeks = 0;
}

static bool received_one(void *context)
{
    return host_get_stats(((struct member *)context)->node)
               .datagrams_received == 1;
}

/* Those that are not for the engine left out. */
static void datagrams_that_come_at_once_are_looked_ahead_at(void)
{
    static const uint8_t ours[] = {0xc1, 4, 'b', 'l', 'u', 'e', 'p'};
    uint8_t large[3000];
    struct member a;
    int fd;

    memset(large, 0xff, sizeof large);
    make_peeking_member(&a);
    fd = open_stranger(host_bound(a.node));
    CHECK(send(fd, ours, sizeof ours, 0) == sizeof ours);
    CHECK(send(fd, large, 1, 0) == 1);
    CHECK(send(fd, ours, sizeof ours, 0) == sizeof ours);
    CHECK(send(fd, large, sizeof large, 0) == sizeof large);
    CHECK(send(fd, ours, sizeof ours, 0) == sizeof ours);
    CHECK(run_until(loop, received_five, &a, 10));
    CHECK(peeks == 3);
    close(fd);
    host_close(a.node);

    make_peeking_member(&a);
    fd = open_stranger(host_bound(a.node));
    CHECK(send(fd, ours, sizeof ours, 0) == sizeof ours);
    CHECK(run_until(loop, received_one, &a, 10));
    CHECK(peeks == 0);
    close(fd);
    host_close(a.node);
}

static void members_of_other_clusters_are_not_met(void)
{
    struct member m[2];

    make_member(&m[0], "blue");
    make_member(&m[1], "green");
    join(&m[1], host_bound(m[0].node));
    CHECK(run_until(loop, is_joined, &m[1], 10));
    run_until(loop, never, NULL, 0.1);
    CHECK(shoal_num_known(host_engine(m[0].node)) == 0);
    CHECK(host_get_stats(m[0].node).foreign_cluster == 1);
    host_close(m[0].node);
    host_close(m[1].node);
}

/* ---- Handlers that do things ---- */

static void close_at_once(struct member *member, shoal_event event)
{
    (void)event;
    CHECK(!host_close(member->node));
    CHECK(host_is_closing(member->node));
    CHECK(!host_close(member->node)); /* once more does nothing */
    CHECK(host_join(member->node, "127.0.0.1:1", NULL, NULL, NULL) == -1);
}

static bool is_closed(void *context)
{
    return ((struct member *)context)->closed > 0;
}

static void a_handler_may_close_its_node(void)
{
    struct member m[2];

    make_member(&m[0], NULL);
    make_member(&m[1], NULL);
    m[0].on_event = close_at_once;
    join(&m[1], host_bound(m[0].node));
    CHECK(run_until(loop, is_closed, &m[0], 10));
    CHECK(m[0].closed == 1 && m[0].events[SHOAL_EVENT_MEMBER_UP] == 1);
    CHECK(m[0].events[SHOAL_EVENT_ACTIVE] == 0); /* nothing after the close */
    host_close(m[1].node);
}

static struct member *other;

static void close_the_other(struct member *member, shoal_event event)
{
    (void)member, (void)event;
    host_close(other->node);
    other->node = NULL;
    member->on_event = NULL;
}

static bool other_is_closed(void *context)
{
    (void)context;
    return !other->node;
}

static void a_handler_may_close_another_node(void)
{
    struct member m[2];

    make_member(&m[0], NULL);
    make_member(&m[1], NULL);
    m[0].on_event = close_the_other;
    other = &m[1];
    join(&m[1], host_bound(m[0].node));
    CHECK(run_until(loop, other_is_closed, NULL, 10));
    CHECK(m[1].closed == 0);
    host_close(m[0].node);
}

static void leave_and_return(struct member *member, shoal_event event)
{
    shoal *engine = host_engine(member->node);
    uint64_t now_us = host_now(member->node);

    if (event == SHOAL_EVENT_ACTIVE)
        CHECK(shoal_leave(engine, now_us) == 0);
    if (event == SHOAL_EVENT_DEFUNCT)
        CHECK(shoal_reuse_down_identity(engine, now_us) == 0);
    host_wake(member->node);
    join(member, host_bound(other->node));
}

static bool has_been_defunct(void *context)
{
    return ((struct member *)context)->events[SHOAL_EVENT_DEFUNCT] > 0;
}

static void a_handler_may_call_every_entry_point(void)
{
    struct member m[2];

    make_member(&m[0], NULL);
    make_member(&m[1], NULL);
    other = &m[1];
    m[0].on_event = leave_and_return;
    join(&m[1], host_bound(m[0].node));
    CHECK(run_until(loop, has_been_defunct, &m[0], 10));
    m[0].on_event = NULL;
    run_until(loop, never, NULL, 0.1);
    host_close(m[0].node);
    host_close(m[1].node);
}

/* An endless conversation of a handler with its own events. */
static void leave_for_ever(struct member *member, shoal_event event)
{
    shoal *engine = host_engine(member->node);

    (void)event;
    (void)shoal_reuse_down_identity(engine, host_now(member->node));
    (void)shoal_leave(engine, host_now(member->node));
}

static void a_handler_that_never_ends_does_not_stop_the_loop(void)
{
    struct member a;

    make_member(&a, NULL);
    a.on_event = leave_for_ever;
    CHECK(shoal_leave(host_engine(a.node), host_now(a.node)) == 0);
    host_wake(a.node);
    CHECK(!run_until(loop, never, NULL, 0.2)); /* it comes back at all */
    CHECK(a.events[SHOAL_EVENT_DEFUNCT] > 1000);
    host_close(a.node);
}

/* ---- A process that was stopped ---- */

static void nothing_is_declared_down_while_its_acks_wait(void)
{
    struct member m[2];
    int i;

    make_member(&m[0], NULL);
    make_member(&m[1], NULL);
    join(&m[1], host_bound(m[0].node));
    CHECK(wait_for_members(m, 2, 1));
    for (i = 0; i < 3; i++) {
        usleep(400 * 1000); /* of both, since they share a thread */
        run_until(loop, never, NULL, 0.3);
    }
    CHECK(m[0].events[SHOAL_EVENT_MEMBER_DOWN] == 0);
    CHECK(m[1].events[SHOAL_EVENT_MEMBER_DOWN] == 0);
    host_close(m[0].node);
    host_close(m[1].node);
}

/* ---- Diagnostics and the log ---- */

static void diagnostics_come_when_asked_for(void)
{
    struct member m[2];

    make_member(&m[0], NULL);
    make_member(&m[1], NULL);
    host_set_diagnostics(m[0].node, 1u << SHOAL_EVENT_PROBE_STARTED);
    join(&m[1], host_bound(m[0].node));
    CHECK(wait_for_members(m, 2, 1));
    run_until(loop, never, NULL, 1.0);
    CHECK(m[0].events[SHOAL_EVENT_PROBE_STARTED] > 0);
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
    open_member(&m[0], "127.0.0.1:0", "blue", &log);
    start_member(&m[0], 1);
    make_member(&m[1], "blue");
    join(&m[1], host_bound(m[0].node));
    CHECK(wait_for_members(m, 2, 1));
    run_until(loop, never, NULL, 1.0);
    host_close(m[1].node);
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
}

static void the_log_tells_at_trace_of_every_packet(void)
{
    const char *text = log_of_a_short_life("trace");

    CHECK_SAYS(text, "fed addr=127.0.0.1:");
    CHECK_SAYS(text, "probe started");
    CHECK_SAYS(text, "suspect");
    CHECK_SAYS(text, "packet received message=announce");
    CHECK_SAYS(text, "packet sent message=ping");
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
    CHECK(run_until(loop, received_five, &a, 10));
    host_wake(a.node);
    run_until(loop, never, NULL, 0.05);
    text = read_log(reader);
    CHECK_SAYS(text, "dropped reason=malformed");
    CHECK(!strstr(strstr(text, "dropped") + 1, "dropped"));
    close(fd);
    host_close(a.node);
    close(reader);
    close(log.fd);
}

/* ---- Nothing is left behind ---- */

static int count_descriptors(void)
{
    int fd, count = 0;

    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void a_thousand_nodes_leave_no_descriptor_behind(void)
{
    int before = count_descriptors(), i;

    for (i = 0; i < 1000; i++) {
        struct member a;

        make_member(&a, "blue");
        CHECK(fcntl(count_descriptors() - 1, F_GETFD) & FD_CLOEXEC);
        join(&a, "127.0.0.1:9");
        ev_run(loop, EVRUN_NOWAIT);
        host_close(a.node);
    }
    CHECK(count_descriptors() == before);
}

int main(void)
{
    loop = ev_loop_new(0);
    CHECK(loop);
    RUN(a_node_opens_starts_and_closes);
    RUN(what_cannot_be_bound_is_told_why);
    RUN(a_wrong_config_does_not_start);
    RUN(three_members_see_each_other);
    RUN(a_member_that_leaves_is_known_to_be_down_at_once);
    RUN(a_member_that_dies_is_found_down);
    RUN(members_meet_over_ipv6_and_over_both);
    RUN(joining_tells_what_cannot_work);
    RUN(a_seed_may_be_named_before_the_start_and_by_name);
    RUN(a_node_is_closed_while_its_seed_is_looked_up);
    RUN(a_seed_that_comes_up_later_is_found);
    RUN(a_node_that_is_its_own_seed_stays_quiet);
    RUN(what_is_not_for_the_engine_is_counted);
    RUN(datagrams_that_come_at_once_are_looked_ahead_at);
    RUN(members_of_other_clusters_are_not_met);
    RUN(a_handler_may_close_its_node);
    RUN(a_handler_may_close_another_node);
    RUN(a_handler_may_call_every_entry_point);
    RUN(a_handler_that_never_ends_does_not_stop_the_loop);
    RUN(nothing_is_declared_down_while_its_acks_wait);
    RUN(diagnostics_come_when_asked_for);
    RUN(the_log_tells_at_info_what_an_operator_wants);
    RUN(the_log_tells_at_trace_of_every_packet);
    RUN(drops_are_told_once_with_their_count);
    RUN(a_thousand_nodes_leave_no_descriptor_behind);
    ev_loop_destroy(loop);
    return 0;
}
