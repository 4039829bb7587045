/* SPDX-License-Identifier: MIT */
/* What comes in: datagrams for the engine, and those that are not. */
#include "host_members.h"

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
    CHECK(run_until(loop, received_five, &a));
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
    CHECK(run_until(loop, received_five, &a));
    CHECK(peeks == 3);
    close(fd);
    host_close(a.node);

    make_peeking_member(&a);
    fd = open_stranger(host_bound(a.node));
    CHECK(send(fd, ours, sizeof ours, 0) == sizeof ours);
    CHECK(run_until(loop, received_one, &a));
    CHECK(peeks == 0);
    close(fd);
    host_close(a.node);
}

int main(void)
{
    loop = ev_loop_new(0);
    CHECK(loop);
    RUN(what_is_not_for_the_engine_is_counted);
    RUN(datagrams_that_come_at_once_are_looked_ahead_at);
    ev_loop_destroy(loop);
    return 0;
}
