/* SPDX-License-Identifier: MIT */
/* Do large packets arrive? Who is asked, and with how much. */
#include "host_members.h"

#include "host/node.h"
#include "wire/wire.h"

enum { LARGE = 1300 };

/* ---- A peer that the test speaks for ---- */

struct peer {
    int fd;
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t id_size;
    char addr[ADDRESS_MAX_ENDPOINT];
    bool answers_small;
    unsigned small, large; /* pings that came */
    struct member *member;
};

static void open_peer(struct peer *peer, struct member *member)
{
    struct address address = {.size = sizeof address.as};
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    memset(peer, 0, sizeof *peer);
    peer->member = member;
    peer->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(peer->fd >= 0 &&
          bind(peer->fd, (struct sockaddr *)&any, sizeof any) == 0);
    CHECK(getsockname(peer->fd, &address.as.any, &address.size) == 0);
    address_format(&address, peer->addr);
    CHECK(shoal_stock_identity_new(bytes_of_text(peer->addr), 1, peer->id,
                                   &peer->id_size) == 0);
}

static void say(struct peer *peer, uint8_t kind, uint8_t number)
{
    const struct address *to = &peer->member->node->udp.bound;
    shoal_codec codec = shoal_default_codec();
    uint8_t packet[1400];
    size_t size;
    shoal_member receiver = shoal_self(host_engine(peer->member->node));
    shoal_header header = {.kind = kind,
                           .number = number,
                           .src = {peer->id, peer->id_size},
                           .dst_hash = wire_hash(kind == SHOAL_MSG_ANNOUNCE
                                                     ? receiver.addr
                                                     : receiver.id)};

    CHECK(codec.encode_header(codec.context, &header, packet, sizeof packet,
                              &size) == 0);
    CHECK(sendto(peer->fd, packet, size, 0, &to->as.any, to->size) ==
          (ssize_t)size);
}

/* Pings of the engine are small, too. */
static void hear(struct peer *peer)
{
    shoal_codec codec = shoal_default_codec();
    uint8_t packet[2000];
    shoal_header header;
    ssize_t got;
    size_t used;

    while ((got = recv(peer->fd, packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        CHECK(codec.decode_header(codec.context,
                                  (shoal_bytes){packet, (size_t)got}, &header,
                                  &used) == 0);
        if (header.kind != SHOAL_MSG_PING)
            continue;
        if (got > PATH_SMALL) {
            CHECK(got <= LARGE && got > LARGE - 60);
            peer->large++;
        } else {
            peer->small++;
            if (peer->answers_small)
                say(peer, SHOAL_MSG_ACK, header.number);
        }
    }
}

static bool is_member(void *context)
{
    struct peer *peer = context;

    return shoal_num_members(host_engine(peer->member->node)) == 1;
}

static void meet(struct peer *peer)
{
    say(peer, SHOAL_MSG_ANNOUNCE, 0);
    CHECK(run_until(loop, is_member, peer));
    path_sent(peer->member->node, bytes_of_text(peer->addr), LARGE);
}

/* ---- What is sent ---- */

static bool has_four_small(void *context)
{
    struct peer *peer = context;

    hear(peer);
    return peer->small >= 4;
}

static void who_answers_nothing_gets_nothing_large(void)
{
    struct member a;
    struct peer peer;

    make_credulous_member(&a, patient_config());
    open_peer(&peer, &a);
    meet(&peer);
    CHECK(run_until(loop, has_four_small, &peer));
    CHECK(peer.large == 0);
    close(peer.fd);
    host_close(a.node);
}

static bool has_warned(void *context)
{
    struct peer *peer = context;

    hear(peer);
    return host_get_stats(peer->member->node).small_paths > 0;
}

static void who_answers_only_what_is_small_is_behind_a_small_path(void)
{
    struct member a;
    struct peer peer;

    make_credulous_member(&a, patient_config());
    open_peer(&peer, &a);
    peer.answers_small = true;
    meet(&peer);
    CHECK(run_until(loop, has_warned, &peer));
    CHECK(peer.large == PATH_TRIES);
    path_sent(a.node, bytes_of_text(peer.addr), LARGE); /* that is known */
    CHECK(a.node->path.num_waiting == 0);
    path_sent(a.node, bytes_of_text(peer.addr), LARGE + 1);
    CHECK(a.node->path.num_waiting == 1);
    close(peer.fd);
    host_close(a.node);
}

static void what_every_path_carries_is_not_checked(void)
{
    struct member a;
    char text[PATH_ENDPOINT + 2];
    int i;

    make_credulous_member(&a, patient_config());
    path_sent(a.node, bytes_of_text("127.0.0.1:9"), PATH_SMALL);
    CHECK(a.node->path.num_waiting == 0);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    path_sent(a.node, bytes_of_text(text), LARGE);
    CHECK(a.node->path.num_waiting == 0);
    for (i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "10.0.%d.%d:9", i / 250, i % 250);
        path_sent(a.node, bytes_of_text(text), LARGE);
    }
    CHECK(a.node->path.num_waiting == PATH_WAITING);
    host_close(a.node);
}

int main(void)
{
    loop = ev_loop_new(0);
    CHECK(loop);
    RUN(who_answers_nothing_gets_nothing_large);
    RUN(who_answers_only_what_is_small_is_behind_a_small_path);
    RUN(what_every_path_carries_is_not_checked);
    ev_loop_destroy(loop);
    return 0;
}
