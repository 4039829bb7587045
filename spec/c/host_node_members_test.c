/* SPDX-License-Identifier: MIT */
/* Members see who comes, who leaves and who dies. */
#include "host_members.h"

#include "wire/wire.h"

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
    size_t i;

    for (i = 0; i < 3; i++)
        make_member(&m[i], NULL);
    join(&m[1], host_bound(m[0].node));
    join(&m[2], host_bound(m[0].node));
    CHECK(wait_for_members(m, 3, 2));
    CHECK(shoal_leave(host_engine(m[2].node), host_now(m[2].node)) == 0);
    host_close(m[2].node); /* sends what waits */
    m[2].node = NULL;
    CHECK(wait_for_members(m, 3, 1));
    host_close(m[0].node);
    host_close(m[1].node);
}

static void a_member_that_dies_is_found_down(void)
{
    struct member m[3];
    size_t i;

    for (i = 0; i < 3; i++)
        make_watchful_member(&m[i], NULL, NULL);
    join(&m[1], host_bound(m[0].node));
    join(&m[2], host_bound(m[0].node));
    CHECK(wait_for_members(m, 3, 2));
    host_close(m[2].node); /* without a word */
    m[2].node = NULL;
    CHECK(wait_for_members(m, 3, 1));
    CHECK(m[0].events[SHOAL_EVENT_MEMBER_DOWN] >= 1);
    host_close(m[0].node);
    host_close(m[1].node);
}

static bool was_asked(void *member)
{
    const shoal *engine = host_engine(((struct member *)member)->node);
    return shoal_get_stats(engine).dropped[SHOAL_DROP_STRANGER] > 0;
}

static void members_meet_over_ipv6_and_over_both(void)
{
    struct member m[2];
    char mapped[ADDRESS_MAX_ENDPOINT];

    open_member(&m[0], "[::]:0", NULL, NULL);
    start_member(&m[0], 1);
    open_member(&m[1], "[::1]:0", NULL, NULL);
    start_member(&m[1], 1);
    join(&m[0], host_bound(m[1].node));
    CHECK(run_until(loop, is_joined, &m[0]));
    host_close(m[1].node);
    open_member(&m[1], "127.0.0.1:0", NULL, NULL);
    start_member(&m[1], 1);
    snprintf(mapped, sizeof mapped, "%s", host_bound(m[1].node));
    m[0].joined = 0;
    join(&m[0], mapped);
    CHECK(run_until(loop, is_joined, &m[0]));
    CHECK(strcmp(m[0].join_error, "") == 0);
    CHECK(run_until(loop, was_asked, &m[1])); /* the announce got through */
    host_close(m[0].node);
    host_close(m[1].node);
}

static bool has_heard_foreigners(void *context)
{
    return host_get_stats(((struct member *)context)->node).foreign_cluster > 0;
}

static void members_of_other_clusters_are_not_met(void)
{
    struct member m[2];

    make_member(&m[0], "blue");
    make_member(&m[1], "green");
    join(&m[1], host_bound(m[0].node));
    CHECK(run_until(loop, has_heard_foreigners, &m[0]));
    run_for(loop, 0.1);
    CHECK(shoal_num_known(host_engine(m[0].node)) == 0);
    CHECK(shoal_num_known(host_engine(m[1].node)) == 0);
    host_close(m[0].node);
    host_close(m[1].node);
}

/* ---- A process that was stopped ---- */

/* A member that the test plays: its answers are there when they are to be. */
struct played {
    int fd;
    uint8_t id[SHOAL_MAX_IDENTITY], to[SHOAL_MAX_IDENTITY];
    size_t id_size, to_size;
    uint64_t number; /* of the last ping */
};

static void play(struct played *played, const char *bound)
{
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    char endpoint[ADDRESS_MAX_ENDPOINT];

    played->fd = open_stranger(bound);
    CHECK(getsockname(played->fd, (struct sockaddr *)&own, &size) == 0);
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u",
             (unsigned)ntohs(own.sin_port));
    CHECK(shoal_stock_identity_new(bytes_of_text(endpoint), 1, played->id,
                                   &played->id_size) == 0);
    CHECK(shoal_stock_identity_new(bytes_of_text(bound), 1, played->to,
                                   &played->to_size) == 0);
}

/* The member at its address, or that address. */
static uint32_t hash_of_receiver(const struct played *played,
                                 shoal_message kind)
{
    shoal_bytes to = {played->to, played->to_size}, addr, endpoint;
    uint8_t room[SHOAL_MAX_IDENTITY];

    CHECK(shoal_stock_identity().addr(NULL, to, room, &addr, &endpoint) == 0);
    return wire_hash(kind == SHOAL_MSG_ANNOUNCE ? addr : to);
}

static void say(const struct played *played, shoal_message kind)
{
    shoal_header header = {.kind = kind,
                           .number = played->number,
                           .src = {played->id, played->id_size},
                           .dst_hash = hash_of_receiver(played, kind)};
    uint8_t packet[512];
    size_t size;

    CHECK(shoal_default_codec().encode_header(NULL, &header, packet,
                                              sizeof packet, &size) == 0);
    CHECK(send(played->fd, packet, size, 0) == (ssize_t)size);
}

static bool is_pinged(void *context)
{
    struct played *played = context;
    shoal_header header;
    uint8_t packet[1500];
    ssize_t size;
    size_t used;

    while ((size = recv(played->fd, packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        CHECK(shoal_default_codec().decode_header(
                  NULL, (shoal_bytes){packet, (size_t)size}, &header, &used) ==
              0);
        if (header.kind == SHOAL_MSG_PING) {
            played->number = header.number;
            return true;
        }
    }
    return false;
}

static void what_has_arrived_counts_before_time_does(void)
{
    uint32_t doubts =
        1u << SHOAL_EVENT_SUSPECT | 1u << SHOAL_EVENT_PROBE_FAILED;
    struct played peer = {0};
    struct member a;
    int i;

    make_credulous_member(&a, shoal_config_loopback(4));
    host_set_diagnostics(a.node, doubts);
    play(&peer, host_bound(a.node));
    say(&peer, SHOAL_MSG_ANNOUNCE);
    for (i = 0; i < 3; i++) {
        CHECK(run_until(loop, is_pinged, &peer));
        say(&peer, SHOAL_MSG_ACK);
        usleep(600 * 1000); /* two probe periods; the loop stands still */
    }
    run_for(loop, 0.01);
    CHECK(a.events[SHOAL_EVENT_MEMBER_UP] == 1);
    CHECK(a.events[SHOAL_EVENT_SUSPECT] == 0);
    CHECK(a.events[SHOAL_EVENT_PROBE_FAILED] == 0);
    CHECK(a.events[SHOAL_EVENT_MEMBER_DOWN] == 0);
    close(peer.fd);
    host_close(a.node);
}

static void nobody_is_declared_down_by_who_stood_still(void)
{
    struct member m[2];
    int i;

    make_watchful_member(&m[0], NULL, NULL);
    make_watchful_member(&m[1], NULL, NULL);
    join(&m[1], host_bound(m[0].node));
    CHECK(wait_for_members(m, 2, 1));
    for (i = 0; i < 3; i++) {
        usleep(400 * 1000); /* of both, since they share a thread */
        run_for(loop, 0.3);
    }
    CHECK(m[0].events[SHOAL_EVENT_MEMBER_DOWN] == 0);
    CHECK(m[1].events[SHOAL_EVENT_MEMBER_DOWN] == 0);
    host_close(m[0].node);
    host_close(m[1].node);
}

int main(void)
{
    loop = ev_loop_new(0);
    CHECK(loop);
    RUN(three_members_see_each_other);
    RUN(a_member_that_leaves_is_known_to_be_down_at_once);
    RUN(a_member_that_dies_is_found_down);
    RUN(members_meet_over_ipv6_and_over_both);
    RUN(members_of_other_clusters_are_not_met);
    RUN(what_has_arrived_counts_before_time_does);
    RUN(nobody_is_declared_down_by_who_stood_still);
    ev_loop_destroy(loop);
    return 0;
}
