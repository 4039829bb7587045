/* SPDX-License-Identifier: MIT */
/*
 * Two nodes, each in a thread and a loop of its own. The handlers of one take
 * their time; the other must not come to doubt it. There is no Lua here, so
 * that ThreadSanitizer can watch.
 */
#include "host_test.h"

#include "host/deputy.h"
#include "host/host.h"
#include "wire/wire.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { MAX_HEARD = 4096 };

struct member {
    host *node;
    struct ev_loop *loop;
    uint64_t busy_limit_us;
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t id_size;
    /* The order in which items came. */
    unsigned heard[MAX_HEARD];
    size_t num_heard;
    void (*on_item)(struct member *member, unsigned number);
    _Atomic unsigned events[SHOAL_NUM_EVENTS];
    _Atomic unsigned doubts; /* suspect and down, of all but the ghost */
};

/* Whom say() speaks for, and who answers nobody. */
static const char ghost[] = "127.0.0.1:9";

/* Not in the loop: this is what a blocking handler does. */
static void doze(double seconds)
{
    struct timespec time = {(time_t)seconds,
                            (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&time, NULL);
}

/* ---- A member ---- */

static void on_notify(void *context, const shoal_effect *effect)
{
    struct member *member = context;

    atomic_fetch_add(&member->events[effect->event], 1);
    if ((effect->event == SHOAL_EVENT_SUSPECT ||
         effect->event == SHOAL_EVENT_MEMBER_DOWN) &&
        (effect->member.addr.size != strlen(ghost) ||
         memcmp(effect->member.addr.data, ghost, strlen(ghost)) != 0))
        atomic_fetch_add(&member->doubts, 1);
}

static int identity_at(void *context, const char *endpoint, uint8_t *out,
                       size_t *size)
{
    (void)context;
    return shoal_stock_identity_new(bytes_of_text(endpoint), 0, out, size);
}

/* An item is a number in decimal. The host hears of handlers like that. */
static int receive(void *context, shoal_bytes data, shoal_bytes sender,
                   shoal_bytes *key)
{
    struct member *member = context;
    char text[16] = "";
    unsigned number;
    bool told;

    (void)sender, (void)key;
    memcpy(text, data.data, data.size < 15 ? data.size : 15);
    number = (unsigned)strtoul(text, NULL, 10);
    if (member->num_heard < MAX_HEARD)
        member->heard[member->num_heard++] = number;
    told = host_handler_begins(0);
    if (member->on_item)
        member->on_item(member, number);
    if (told)
        (void)host_handler_ended();
    return 0;
}

/* Who does not answer within a period is suspected: so long a machine takes for
 * nothing. A suspicion without an end is for tests in which nobody, not even
 * the ghost, is to be found down. */
enum { PERIOD_US = 1000 * 1000 };
static const uint64_t soon_us = 100 * 1000, never_us = 3600ull * 1000 * 1000;
static uint64_t suspicion_us;

static void start(struct member *member)
{
    host_options options = {.loop = member->loop,
                            .bind = "127.0.0.1:0",
                            .busy_limit_us = member->busy_limit_us,
                            .callbacks = {.context = member,
                                          .on_notify = on_notify,
                                          .identity_at = identity_at}};
    shoal_options engine = {.seed = 1, .config = shoal_config_loopback(2)};
    struct error error = {""};

    member->node = host_open(&options, &error);
    CHECK(member->node);
    CHECK(shoal_stock_identity_new(bytes_of_text(host_bound(member->node)), 1,
                                   member->id, &member->id_size) == 0);
    engine.identity = (shoal_bytes){member->id, member->id_size};
    engine.config.probe_period_us = PERIOD_US;
    engine.config.check_strangers = false; /* nobody answers for the ghost */
    engine.config.suspect_to_down_after_us = suspicion_us;
    engine.handlers.identity = shoal_stock_identity();
    engine.handlers.broadcast.context = member;
    engine.handlers.broadcast.receive = receive;
    engine.handlers.codec = shoal_default_codec();
    CHECK(host_start(member->node, &engine, &error) == 0);
    host_set_diagnostics(member->node, 1u << SHOAL_EVENT_SUSPECT);
}

/* Items 1 to `count` from somebody who does not exist. */
static void say(const struct member *to, unsigned first, unsigned last)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in where = {.sin_family = AF_INET};
    uint8_t src[SHOAL_MAX_IDENTITY], packet[512];
    shoal_header header = {.kind = SHOAL_MSG_BROADCAST,
                           .dst_hash =
                               wire_hash((shoal_bytes){to->id, to->id_size})};
    size_t size, length;

    CHECK(fd >= 0);
    where.sin_port =
        htons((uint16_t)atoi(strchr(host_bound(to->node), ':') + 1));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(shoal_stock_identity_new(bytes_of_text(ghost), 1, src, &size) == 0);
    header.src = (shoal_bytes){src, size};
    for (; first <= last; first++) {
        CHECK(shoal_default_codec().encode_header(NULL, &header, packet,
                                                  sizeof packet, &size) == 0);
        length = (size_t)snprintf((char *)packet + size + 2, 16, "%u", first);
        packet[size] = 0;
        packet[size + 1] = (uint8_t)length;
        CHECK(sendto(fd, packet, size + 2 + length, 0,
                     (struct sockaddr *)&where, sizeof where) > 0);
    }
    close(fd);
}

/* ---- The other member, in its thread ---- */

static struct {
    struct member member;
    pthread_t thread;
    ev_async stop;
    _Atomic bool is_up;
    char bound[ADDRESS_MAX_ENDPOINT];
} peer;

static void on_stop(struct ev_loop *loop, ev_async *watcher, int events)
{
    (void)watcher, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void *run_peer(void *argument)
{
    (void)argument;
    start(&peer.member);
    snprintf(peer.bound, sizeof peer.bound, "%s", host_bound(peer.member.node));
    atomic_store(&peer.is_up, true);
    ev_run(peer.member.loop, 0);
    host_close(peer.member.node);
    return NULL;
}

static void start_peer(void)
{
    memset(&peer, 0, sizeof peer);
    peer.member.loop = ev_loop_new(0);
    peer.member.busy_limit_us = HOST_BUSY_LIMIT_US;
    ev_async_init(&peer.stop, on_stop);
    ev_async_start(peer.member.loop, &peer.stop);
    CHECK(pthread_create(&peer.thread, NULL, run_peer, NULL) == 0);
    while (!atomic_load(&peer.is_up))
        doze(0.001);
}

static void stop_peer(void)
{
    ev_async_send(peer.member.loop, &peer.stop);
    CHECK(pthread_join(peer.thread, NULL) == 0);
    ev_loop_destroy(peer.member.loop);
}

static unsigned peer_heard(shoal_event event)
{
    return atomic_load(&peer.member.events[event]);
}

/* ---- The busy member, here ---- */

static struct member busy;

static bool sees_peer(void *context)
{
    (void)context;
    return shoal_num_members(host_engine(busy.node)) >= 1 &&
           peer_heard(SHOAL_EVENT_MEMBER_UP) >= 1;
}

static void start_both_with(uint64_t busy_limit_us, uint64_t longest_us)
{
    suspicion_us = longest_us;
    memset(&busy, 0, sizeof busy);
    busy.loop = ev_default_loop(0);
    busy.busy_limit_us = busy_limit_us;
    start_peer();
    start(&busy);
    CHECK(host_join(busy.node, peer.bound, NULL, NULL, NULL) == 0);
    CHECK(run_until(busy.loop, sees_peer, NULL));
}

static void start_both(uint64_t busy_limit_us)
{
    start_both_with(busy_limit_us, never_us);
}

static void stop_both(void)
{
    CHECK(host_close(busy.node));
    stop_peer();
}

static bool heard_all(void *count)
{
    return busy.num_heard >= *(size_t *)count;
}

/* Blocks until it has been answered for often: once not, and it were suspected.
 */
static void block_for_periods(struct member *member, unsigned number)
{
    double start = seconds_now();

    if (number != 0)
        return;
    say(member, 1, 200);
    while (host_get_stats(member->node).deputy_kept < 200 ||
           host_get_stats(member->node).deputy_answered < 3) {
        CHECK(seconds_now() - start < 60);
        doze(0.01);
    }
    say(member, 201, 250);
}

static void a_member_that_blocks_is_answered_for_and_misses_nothing(void)
{
    size_t expected = 251, i;
    host_stats stats;

    start_both(HOST_BUSY_LIMIT_US);
    busy.on_item = block_for_periods;
    say(&busy, 0, 0);
    CHECK(run_until(busy.loop, heard_all, &expected));
    for (i = 0; i < expected; i++)
        CHECK(busy.heard[i] == i);
    CHECK(atomic_load(&peer.member.doubts) == 0);
    CHECK(shoal_num_members(host_engine(busy.node)) >= 1);
    stats = host_get_stats(busy.node);
    CHECK(stats.deputy_takeovers == 1);
    CHECK(stats.deputy_kept >= 200 && stats.deputy_dropped == 0);
    CHECK(stats.datagrams_sent > stats.deputy_answered);
    stop_both();
}

/* ---- Past the limit ---- */

static void block_until_found_out(struct member *member, unsigned number)
{
    double start = seconds_now();

    (void)member, (void)number;
    while (atomic_load(&peer.member.doubts) < 2) { /* suspect, down */
        CHECK(seconds_now() - start < 60);
        doze(0.01);
    }
}

static bool peer_has_us_back(void *context)
{
    (void)context;
    return peer_heard(SHOAL_EVENT_MEMBER_DOWN) >= 2 && /* the ghost, too */
           peer_heard(SHOAL_EVENT_ACTIVE) >= 2 && sees_peer(NULL);
}

static void a_member_that_hangs_is_found_out_and_comes_back(void)
{
    start_both_with(200 * 1000, soon_us);
    busy.on_item = block_until_found_out;
    say(&busy, 0, 0);
    CHECK(run_until(busy.loop, peer_has_us_back, NULL));
    CHECK(host_get_stats(busy.node).deputy_takeovers == 1);
    stop_both();
}

/* ---- What handlers do with nodes ---- */

static void wait_for_takeover(const struct member *member, uint64_t count)
{
    double start = seconds_now();

    while (host_get_stats(member->node).deputy_takeovers < count) {
        CHECK(seconds_now() - start < 30);
        doze(0.005);
    }
}

static void nodes_come_and_go_while_the_deputy_stands_in(void)
{
    struct member more = {.busy_limit_us = HOST_BUSY_LIMIT_US};
    bool told;

    more.loop = ev_default_loop(0);
    start_both(HOST_BUSY_LIMIT_US);
    told = host_handler_begins(0);
    CHECK(told && !host_handler_begins(0)); /* a handler in a handler */
    wait_for_takeover(&busy, 1);
    start(&more);
    wait_for_takeover(&more, 1);
    CHECK(host_close(more.node));
    start(&more);
    wait_for_takeover(&more, 1);
    CHECK(host_close(busy.node));
    CHECK(host_close(more.node)); /* the last one: with the deputy itself */
    CHECK(!host_handler_ended());
    stop_peer();
}

/* Whom an ack of a ping for `dst` is from; the deputy answers where it came
 * from. */
static void ping(const struct member *to, shoal_bytes dst, uint8_t *from,
                 size_t *from_size)
{
    struct sockaddr_in where = {.sin_family = AF_INET};
    shoal_header header = {
        .kind = SHOAL_MSG_PING, .number = 7, .dst_hash = wire_hash(dst)};
    shoal_codec codec = shoal_default_codec();
    struct pollfd readable = {.events = POLLIN};
    uint8_t src[SHOAL_MAX_IDENTITY], packet[1500];
    size_t size, used;

    readable.fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(readable.fd >= 0);
    where.sin_port =
        htons((uint16_t)atoi(strchr(host_bound(to->node), ':') + 1));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(shoal_stock_identity_new(bytes_of_text(ghost), 1, src, &size) == 0);
    header.src = (shoal_bytes){src, size};
    CHECK(codec.encode_header(NULL, &header, packet, sizeof packet, &size) ==
          0);
    CHECK(sendto(readable.fd, packet, size, 0, (struct sockaddr *)&where,
                 sizeof where) > 0);
    CHECK(poll(&readable, 1, 30 * 1000) == 1);
    size = (size_t)recv(readable.fd, packet, sizeof packet, 0);
    close(readable.fd);
    CHECK(codec.decode_header(NULL, (shoal_bytes){packet, size}, &header,
                              &used) == 0);
    CHECK(header.kind == SHOAL_MSG_ACK && header.number == 7);
    memcpy(from, header.src.data, header.src.size);
    *from_size = header.src.size;
}

/* The program has changed the engine, outside of any event. */
static void it_is_answered_for_as_who_it_has_become(void)
{
    uint8_t id[SHOAL_MAX_IDENTITY], from[SHOAL_MAX_IDENTITY];
    size_t size, from_size;

    start_both(HOST_BUSY_LIMIT_US);
    CHECK(shoal_stock_identity_new(bytes_of_text(host_bound(busy.node)), 2, id,
                                   &size) == 0);
    CHECK(host_handler_begins(0) && host_handler_ended());
    CHECK(shoal_change_identity(host_engine(busy.node), host_now(busy.node),
                                (shoal_bytes){id, size}) == 0);
    host_wake(busy.node);
    CHECK(host_handler_begins(0));
    wait_for_takeover(&busy, 1);
    ping(&busy, (shoal_bytes){id, size}, from, &from_size);
    CHECK(from_size == size && memcmp(from, id, size) == 0);
    CHECK(host_handler_ended());
    stop_both();
}

static void a_handler_that_runs_the_loop_is_not_stuck(void)
{
    size_t expected = 100;
    bool told;

    start_both(HOST_BUSY_LIMIT_US);
    told = host_handler_begins(0);
    CHECK(told);
    wait_for_takeover(&busy, 1);
    say(&busy, 1, 100);
    CHECK(run_until(busy.loop, heard_all, &expected));
    CHECK(!host_handler_ended()); /* the loop has taken back what is its */
    stop_both();
}

/* Who is told of each handler costs more than most handlers do. */
static void handlers_that_follow_each_other_count_as_one_for_a_while(void)
{
    uint64_t since;

    start_both(HOST_BUSY_LIMIT_US);
    since = host_now(busy.node);
    CHECK(!host_handler_follows(since)); /* whom? */
    CHECK(host_handler_begins(since));
    CHECK(host_handler_follows(since) && host_handler_follows(since + 1000));
    CHECK(!host_handler_follows(since + 25 * 1000) && !host_handler_ended());
    CHECK(host_handler_begins(since));
    host_wake(busy.node); /* the deputy knows it as it was before */
    CHECK(!host_handler_follows(since + 1) && !host_handler_ended());
    stop_both();
}

static void one_of_them_that_blocks_is_found_by_the_deputy(void)
{
    unsigned i;

    start_both(HOST_BUSY_LIMIT_US);
    for (i = 1; i <= 2; i++) {
        uint64_t since = host_now(busy.node);

        CHECK(host_handler_begins(since));
        CHECK(host_handler_follows(since + 1) &&
              host_handler_follows(since + 2));
        wait_for_takeover(&busy, i);
        CHECK(!host_handler_follows(host_now(busy.node)));
    }
    stop_both();
}

/* As while a program is started: with a handler on the stack, or none. */
static void it_stands_in_at_once_where_it_is_known_that_something_is_slow(void)
{
    uint64_t since;

    start_both(HOST_BUSY_LIMIT_US);
    CHECK(deputy_hurry());
    wait_for_takeover(&busy, 1);
    CHECK(host_handler_ended());
    since = host_now(busy.node);
    CHECK(host_handler_begins(since) && !deputy_hurry());
    wait_for_takeover(&busy, 2);
    CHECK(!host_handler_follows(since + 1)); /* it is told, as it stood in */
    CHECK(!host_handler_ended());
    say(&busy, 0, 9);
    CHECK(run_until(busy.loop, heard_all, &(size_t){10}));
    stop_both();
}

/* Short handlers, one after the other, and now and then a longer one. */
static void handlers_may_come_and_go_at_any_pace(void)
{
    unsigned i;

    start_both(HOST_BUSY_LIMIT_US);
    for (i = 0; i < 300; i++) {
        bool told = host_handler_begins(0);

        doze(i % 50 == 0 ? 0.07 : 0.0005);
        say(&busy, i, i);
        if (told)
            (void)host_handler_ended();
        ev_run(busy.loop, EVRUN_NOWAIT);
    }
    CHECK(run_until(busy.loop, heard_all, &(size_t){300}));
    for (i = 0; i < 300; i++)
        CHECK(busy.heard[i] == i);
    stop_both();
}

static void without_a_deputy_there_is_nothing_to_tell(void)
{
    CHECK(!host_handler_begins(0) && !deputy_hurry());
    CHECK(!host_handler_ended());
    start_both(0);
    CHECK(!host_handler_begins(0) && !deputy_hurry());
    stop_both();
}

int main(void)
{
    RUN(without_a_deputy_there_is_nothing_to_tell);
    RUN(a_member_that_blocks_is_answered_for_and_misses_nothing);
    RUN(a_member_that_hangs_is_found_out_and_comes_back);
    RUN(nodes_come_and_go_while_the_deputy_stands_in);
    RUN(it_is_answered_for_as_who_it_has_become);
    RUN(a_handler_that_runs_the_loop_is_not_stuck);
    RUN(handlers_that_follow_each_other_count_as_one_for_a_while);
    RUN(one_of_them_that_blocks_is_found_by_the_deputy);
    RUN(it_stands_in_at_once_where_it_is_known_that_something_is_slow);
    RUN(handlers_may_come_and_go_at_any_pace);
    return 0;
}
