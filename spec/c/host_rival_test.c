/* SPDX-License-Identifier: MIT */
/* Another process that has our address: who is answered, and what is believed.
 */
#include "host_members.h"

#include "host/node.h"
#include "host/padded_ping.h"
#include "wire/wire.h"

/* ---- Questions to us ---- */

static size_t identity_of(const char *addr, uint64_t bump, uint8_t *out)
{
    size_t size;

    CHECK(shoal_stock_identity_new(bytes_of_text(addr), bump, out, &size) == 0);
    return size;
}

/* From an identity to itself, in `out` (548 bytes), with zeros behind it up to
 * `size`. */
static size_t write_question(shoal_bytes id, uint8_t *out, size_t size)
{
    shoal_header header = {.kind = SHOAL_MSG_PING,
                           .number = 7,
                           .src = id,
                           .dst_hash = wire_hash(id)};
    shoal_codec codec = shoal_default_codec();
    size_t used;

    memset(out, 0, 548);
    CHECK(codec.encode_header(codec.context, &header, out, 548, &used) == 0);
    return used < size ? size : used;
}

static bool has_datagram(void *context)
{
    uint8_t byte;

    return recv(*(int *)context, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0;
}

static void a_claimant_is_answered_where_it_is_and_no_more_than_it_sent(void)
{
    uint8_t id[SHOAL_MAX_IDENTITY], packet[548], answer[2000];
    shoal_codec codec = shoal_default_codec();
    struct member a;
    shoal_header header;
    ssize_t got;
    size_t size, used;
    int fd, i;

    make_member(&a, NULL);
    size = identity_of(host_bound(a.node), 99, id);
    size = write_question((shoal_bytes){id, size}, packet, 548);
    fd = open_stranger(host_bound(a.node));
    for (i = 0; i < 100; i++)
        CHECK(send(fd, packet, size, 0) == (ssize_t)size);
    CHECK(run_until(loop, has_datagram, &fd));
    got = recv(fd, answer, sizeof answer, 0);
    CHECK(got > 0 && (size_t)got <= size);
    CHECK(codec.decode_header(codec.context, (shoal_bytes){answer, (size_t)got},
                              &header, &used) == 0);
    CHECK(header.kind == SHOAL_MSG_ACK && header.number == 7);
    CHECK(header.src.size == shoal_self(host_engine(a.node)).id.size &&
          memcmp(header.src.data, shoal_self(host_engine(a.node)).id.data,
                 header.src.size) == 0);
    run_for(loop, 0.1);
    CHECK(!has_datagram(&fd)); /* one in a second */
    close(fd);
    host_close(a.node);
}

static bool has_dropped(void *context)
{
    struct member *member = context;

    return shoal_get_stats(host_engine(member->node))
               .dropped[SHOAL_DROP_FROM_OURSELVES] > 0;
}

/* The identities are of different sizes. */
static void a_question_smaller_than_the_answer_gets_none(void)
{
    uint8_t id[SHOAL_MAX_IDENTITY], packet[548];
    struct member a;
    size_t size;
    int fd;

    open_member(&a, "127.0.0.1:0", NULL, NULL);
    start_member_with(&a, SHOAL_MAX_BUMP - 1, patient_config());
    size = identity_of(host_bound(a.node), 1, id);
    size = write_question((shoal_bytes){id, size}, packet, 0);
    fd = open_stranger(host_bound(a.node));
    CHECK(send(fd, packet, size, 0) == (ssize_t)size);
    CHECK(run_until(loop, has_dropped, &a));
    run_for(loop, 0.1);
    CHECK(!has_datagram(&fd));
    close(fd);
    host_close(a.node);
}

/* ---- Questions of ours ---- */

/* A member whose advertised address is `fd`'s. */
static int make_displaced(struct member *member)
{
    struct address address = {.size = sizeof address.as};
    char advertised[ADDRESS_MAX_ENDPOINT];
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof any) == 0);
    CHECK(getsockname(fd, &address.as.any, &address.size) == 0);
    address_format(&address, advertised);
    open_member(member, "127.0.0.1:0", NULL, NULL);
    start_member_at(member, advertised, 5);
    return fd;
}

static size_t await_question(int fd, uint8_t *out, size_t room,
                             struct sockaddr_in *from)
{
    socklen_t size = sizeof *from;
    ssize_t got;

    CHECK(run_until(loop, has_datagram, &fd));
    got = recvfrom(fd, out, room, 0, (struct sockaddr *)from, &size);
    CHECK(got > 400 && got <= 548);
    return (size_t)got;
}

static bool is_answered(void *context)
{
    return !((struct member *)context)->node->rival.asked;
}

static void a_question_that_comes_back_is_no_rival(void)
{
    struct member a;
    struct sockaddr_in from;
    uint8_t packet[2000];
    int fd = make_displaced(&a);
    size_t size = await_question(fd, packet, sizeof packet, &from);

    CHECK(sendto(fd, packet, size, 0, (struct sockaddr *)&from, sizeof from) ==
          (ssize_t)size);
    CHECK(run_until(loop, is_answered, &a));
    CHECK(!a.node->rival.is_there);
    CHECK(shoal_get_stats(host_engine(a.node)).renewals == 0);
    CHECK(!has_dropped(&a));
    close(fd);
    host_close(a.node);
}

static void answer_as(int fd, const struct sockaddr_in *to, uint8_t number,
                      const struct member *member)
{
    shoal_bytes ours = shoal_self(host_engine(member->node)).id;
    shoal_bytes addr = shoal_self(host_engine(member->node)).addr;
    uint8_t id[SHOAL_MAX_IDENTITY], packet[2000];
    char text[ADDRESS_MAX_ENDPOINT];
    shoal_codec codec = shoal_default_codec();
    shoal_header header = {
        .kind = SHOAL_MSG_ACK, .number = number, .dst_hash = wire_hash(ours)};
    size_t size;

    snprintf(text, sizeof text, "%.*s", (int)addr.size, addr.data);
    header.src = (shoal_bytes){id, identity_of(text, 1000, id)};
    CHECK(codec.encode_header(codec.context, &header, packet, sizeof packet,
                              &size) == 0);
    CHECK(sendto(fd, packet, size, 0, (const struct sockaddr *)to,
                 sizeof *to) == (ssize_t)size);
}

static bool knows_rival(void *context)
{
    return ((struct member *)context)->node->rival.is_there;
}

static void an_answer_to_our_question_is_a_rival_and_changes_nothing_else(void)
{
    struct member a;
    struct sockaddr_in from;
    uint8_t packet[2000];
    shoal_codec codec = shoal_default_codec();
    shoal_header asked;
    int fd = make_displaced(&a);
    size_t used, size = await_question(fd, packet, sizeof packet, &from);

    CHECK(codec.decode_header(codec.context, (shoal_bytes){packet, size},
                              &asked, &used) == 0);
    answer_as(fd, &from, (uint8_t)(asked.number + 1), &a); /* to another one */
    CHECK(run_until(loop, has_dropped, &a));
    CHECK(!a.node->rival.is_there);
    answer_as(fd, &from, asked.number, &a);
    CHECK(run_until(loop, knows_rival, &a));
    CHECK(shoal_get_stats(host_engine(a.node)).renewals == 0);
    CHECK(shoal_num_known(host_engine(a.node)) == 0);
    close(fd);
    host_close(a.node);
}

static void who_is_bound_to_its_address_asks_nothing(void)
{
    struct member a;

    make_member(&a, NULL);
    run_for(loop, 1.5);
    CHECK(host_get_stats(a.node).datagrams_sent == 0);
    host_close(a.node);
}

static void a_padded_ping_is_nearly_as_large_as_it_was_to_be(void)
{
    struct member a;
    uint8_t packet[1400];
    size_t size;

    make_member(&a, NULL);
    for (size = 0; size <= sizeof packet; size++) {
        size_t used =
            padded_ping(host_engine(a.node), shoal_self(host_engine(a.node)).id,
                        1, packet, size);

        CHECK(used <= size && (size < 100 || used > size - 60));
    }
    host_close(a.node);
}

int main(void)
{
    loop = ev_loop_new(0);
    CHECK(loop);
    RUN(a_claimant_is_answered_where_it_is_and_no_more_than_it_sent);
    RUN(a_question_smaller_than_the_answer_gets_none);
    RUN(a_question_that_comes_back_is_no_rival);
    RUN(an_answer_to_our_question_is_a_rival_and_changes_nothing_else);
    RUN(who_is_bound_to_its_address_asks_nothing);
    RUN(a_padded_ping_is_nearly_as_large_as_it_was_to_be);
    ev_loop_destroy(loop);
    return 0;
}
