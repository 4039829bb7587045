/* SPDX-License-Identifier: MIT */
/* What can be answered without the engine, and what waits for it. */
#include "host_test.h"

#include "host/deputy_queue.h"
#include "host/deputy_reply.h"
#include "wire/wire.h"

static uint8_t us[SHOAL_MAX_IDENTITY], them[SHOAL_MAX_IDENTITY],
    third[SHOAL_MAX_IDENTITY];
static shoal_bytes our_id, their_id, third_id;

static shoal_bytes make_identity(const char *addr, uint8_t *out)
{
    size_t size;

    CHECK(shoal_stock_identity_new(bytes_of_text(addr), 1, out, &size) == 0);
    return (shoal_bytes){out, size};
}

static bool same(shoal_bytes a, shoal_bytes b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static struct deputy_reply make_reply(uint16_t incarnation)
{
    struct deputy_reply reply = {.id_size = our_id.size,
                                 .incarnation = incarnation,
                                 .max_packet_size = 1400,
                                 .answers = true};

    memcpy(reply.id, our_id.data, our_id.size);
    return reply;
}

/* ---- Packets ---- */

struct packet {
    uint8_t bytes[2048];
    size_t size;
};

static struct packet begin(shoal_message kind, shoal_bytes src, shoal_bytes dst,
                           shoal_bytes peer)
{
    shoal_codec codec = shoal_default_codec();
    struct packet packet = {.size = 0};
    shoal_header header = {.kind = (uint8_t)kind,
                           .number = 9,
                           .src_incarnation = 4,
                           .src = src,
                           .dst_hash = wire_hash(dst),
                           .peer = peer};

    CHECK(codec.encode_header(NULL, &header, packet.bytes, sizeof packet.bytes,
                              &packet.size) == 0);
    return packet;
}

static struct packet ping(void)
{
    return begin(SHOAL_MSG_PING, their_id, our_id, (shoal_bytes){0});
}

static void put_u16(struct packet *packet, unsigned value)
{
    packet->bytes[packet->size++] = (uint8_t)(value >> 8);
    packet->bytes[packet->size++] = (uint8_t)value;
}

static void put_claim(struct packet *packet, shoal_bytes id,
                      uint16_t incarnation, shoal_state state)
{
    shoal_codec codec = shoal_default_codec();
    shoal_update claim = {
        .id = id, .incarnation = incarnation, .state = (uint8_t)state};
    size_t size;

    CHECK(codec.encode_member(NULL, &claim, packet->bytes + packet->size,
                              sizeof packet->bytes - packet->size, &size) == 0);
    packet->size += size;
}

/* A packet that says one thing of us. */
static struct packet rumour(shoal_message kind, uint16_t incarnation,
                            shoal_state state)
{
    struct packet packet = begin(kind, their_id, our_id, (shoal_bytes){0});

    put_u16(&packet, 1);
    put_claim(&packet, our_id, incarnation, state);
    return packet;
}

static uint8_t out[DEPUTY_REPLY_MAX];

static size_t answer(struct deputy_reply *reply, const struct packet *packet)
{
    return deputy_reply_answer(reply,
                               (shoal_bytes){packet->bytes, packet->size}, out);
}

static shoal_header decode_answer(size_t size)
{
    shoal_header header;
    size_t used;

    CHECK(size > 0);
    CHECK(shoal_default_codec().decode_header(NULL, (shoal_bytes){out, size},
                                              &header, &used) == 0);
    CHECK(size == used);
    return header;
}

/* ---- Answers ---- */

static void a_ping_is_acknowledged(void)
{
    struct deputy_reply reply = make_reply(3);
    struct packet packet = ping();
    shoal_header header = decode_answer(answer(&reply, &packet));

    CHECK(header.kind == SHOAL_MSG_ACK);
    CHECK(header.number == 9);
    CHECK(header.src_incarnation == 3);
    CHECK(same(header.src, our_id) && header.dst_hash == wire_hash(their_id));
}

static void an_indirect_ping_is_acknowledged_to_whoever_passed_it_on(void)
{
    struct deputy_reply reply = make_reply(0);
    struct packet packet =
        begin(SHOAL_MSG_INDIRECT_PING, their_id, our_id, third_id);
    shoal_header header = decode_answer(answer(&reply, &packet));

    CHECK(header.kind == SHOAL_MSG_INDIRECT_ACK);
    CHECK(header.dst_hash == wire_hash(their_id) &&
          same(header.peer, third_id));
}

static void what_needs_an_engine_gets_no_answer(void)
{
    int kind;

    for (kind = 0; kind < SHOAL_NUM_MESSAGES; kind++) {
        struct deputy_reply reply = make_reply(0);
        struct packet packet =
            begin((shoal_message)kind, their_id, our_id, third_id);
        bool answered = answer(&reply, &packet) > 0;

        CHECK(answered ==
              (kind == SHOAL_MSG_PING || kind == SHOAL_MSG_INDIRECT_PING));
    }
}

static void only_packets_for_our_very_identity_count(void)
{
    struct deputy_reply reply = make_reply(0);
    struct packet other =
        begin(SHOAL_MSG_PING, their_id, third_id, (shoal_bytes){0});
    struct packet own = begin(SHOAL_MSG_PING, our_id, our_id, (shoal_bytes){0});
    struct packet loop =
        begin(SHOAL_MSG_INDIRECT_PING, their_id, our_id, our_id);

    CHECK(answer(&reply, &other) == 0);
    CHECK(answer(&reply, &own) == 0);
    CHECK(answer(&reply, &loop) == 0);
}

static void malformed_packets_are_not_heard(void)
{
    struct deputy_reply reply = make_reply(0);
    struct packet whole = rumour(SHOAL_MSG_PING, 0, SHOAL_SUSPECT), packet;
    size_t size;

    put_u16(&whole, 2);
    whole.bytes[whole.size++] = 'a';
    whole.bytes[whole.size++] = 'b';
    for (size = 0; size < whole.size; size++) {
        struct deputy_reply before = reply;

        packet = whole;
        packet.size = size;
        if (answer(&reply, &packet) > 0) /* cut between two of its parts */
            reply = before;
        CHECK(reply.incarnation == 0);
    }
    CHECK(answer(&reply, &whole) > 0);
    CHECK(reply.incarnation == 1);
    put_u16(&whole, 0); /* an empty item */
    CHECK(answer(&reply, &whole) == 0);
    reply.max_packet_size = 20;
    packet = ping();
    CHECK(answer(&reply, &packet) == 0);
}

/* ---- Rumours ---- */

static void a_suspicion_is_refuted_in_the_answer(void)
{
    struct deputy_reply reply = make_reply(3);
    struct packet packet = rumour(SHOAL_MSG_PING, 2, SHOAL_SUSPECT);

    CHECK(decode_answer(answer(&reply, &packet)).src_incarnation == 3);
    packet = rumour(SHOAL_MSG_PING, 3, SHOAL_SUSPECT);
    CHECK(decode_answer(answer(&reply, &packet)).src_incarnation == 4);
    CHECK(decode_answer(answer(&reply, &packet)).src_incarnation == 4);
    packet = rumour(SHOAL_MSG_PING, 7, SHOAL_SUSPECT);
    CHECK(decode_answer(answer(&reply, &packet)).src_incarnation == 8);
}

static void a_suspicion_in_any_packet_is_refuted_in_the_next_answer(void)
{
    struct deputy_reply reply = make_reply(0);
    struct packet gossip = rumour(SHOAL_MSG_GOSSIP, 0, SHOAL_SUSPECT);
    struct packet packet = ping();

    CHECK(answer(&reply, &gossip) == 0);
    CHECK(decode_answer(answer(&reply, &packet)).src_incarnation == 1);
}

static void whoever_is_down_is_silent(void)
{
    struct packet down = rumour(SHOAL_MSG_PING, 0, SHOAL_DOWN);
    struct packet undead =
        begin(SHOAL_MSG_TURN_UNDEAD, their_id, our_id, (shoal_bytes){0});
    struct packet last =
        rumour(SHOAL_MSG_PING, SHOAL_MAX_INCARNATION, SHOAL_SUSPECT);
    struct packet packet = ping();
    const struct packet *said[] = {&down, &undead, &last};
    size_t i;

    for (i = 0; i < 3; i++) {
        struct deputy_reply reply = make_reply(0);

        CHECK(answer(&reply, said[i]) == 0);
        CHECK(answer(&reply, &packet) == 0);
    }
}

/* ---- What the engine gives ---- */

static shoal *make_engine(void)
{
    shoal_options options = {.identity = our_id,
                             .config = shoal_config_lan(4),
                             .handlers = {.identity = shoal_stock_identity(),
                                          .codec = shoal_default_codec()}};
    shoal *engine;

    options.config.check_strangers = false; /* its packets have no echo */
    CHECK(shoal_new(&options, &engine, NULL) == 0);
    return engine;
}

static void an_incarnation_that_was_told_is_not_taken_back(void)
{
    shoal *engine = make_engine();
    struct deputy_reply reply = {.answers = false};
    struct packet packet = rumour(SHOAL_MSG_PING, 0, SHOAL_SUSPECT);

    deputy_reply_learn(&reply, engine);
    CHECK(reply.answers && reply.incarnation == 0);
    CHECK(decode_answer(answer(&reply, &packet)).src_incarnation == 1);
    deputy_reply_learn(&reply, engine);
    CHECK(reply.incarnation == 1);
    /* and the engine comes to the same */
    CHECK(shoal_receive(engine, 1, (shoal_bytes){packet.bytes, packet.size}) ==
          0);
    CHECK(shoal_self(engine).incarnation == 1);
    CHECK(shoal_change_identity(engine, 2, third_id) == 0);
    deputy_reply_learn(&reply, engine);
    CHECK(reply.incarnation == 0);
    shoal_free(engine);
}

static int refuse(void *context, shoal_bytes packet, shoal_header *header,
                  size_t *used)
{
    (void)context, (void)packet, (void)header, (void)used;
    return SHOAL_ERR_MALFORMED;
}

static void another_codec_or_a_defunct_engine_has_no_deputy(void)
{
    shoal *engine = make_engine();
    struct deputy_reply reply = {.answers = true};
    shoal_handlers handlers = {.identity = shoal_stock_identity(),
                               .codec = shoal_default_codec()};

    handlers.codec.decode_header = refuse;
    CHECK(shoal_set_handlers(engine, &handlers) == 0);
    deputy_reply_learn(&reply, engine);
    CHECK(!reply.answers);
    handlers.codec = shoal_default_codec();
    CHECK(shoal_set_handlers(engine, &handlers) == 0);
    deputy_reply_learn(&reply, engine);
    CHECK(reply.answers);
    CHECK(shoal_leave(engine, 1) == 0);
    deputy_reply_learn(&reply, engine);
    CHECK(!reply.answers);
    shoal_free(engine);
}

/* ---- What is kept ---- */

static bool keep(struct deputy_queue *kept, shoal_bytes packet)
{
    struct arrived arrival = {.packet = packet, .size = packet.size};

    return deputy_queue_push(kept, &arrival);
}

static void datagrams_are_kept_in_order(void)
{
    struct deputy_queue kept = {NULL, NULL, 0, 0};
    const struct arrived cut = {.fate = ARRIVAL_TRUNCATED, .size = 9};
    struct deputy_datagram *first;
    shoal_bytes packet;

    CHECK(keep(&kept, bytes_of_text("one")));
    CHECK(deputy_queue_push(&kept, &cut));
    first = deputy_queue_pop(&kept);
    packet = first->arrival.packet;
    CHECK(packet.size == 3 && memcmp(packet.data, "one", 3) == 0);
    CHECK(first->arrival.fate == ARRIVAL_PACKET);
    free(first);
    CHECK(keep(&kept, (shoal_bytes){NULL, 0}));
    first = deputy_queue_pop(&kept);
    CHECK(first->arrival.fate == ARRIVAL_TRUNCATED && first->arrival.size == 9);
    free(first);
    deputy_queue_clear(&kept);
    CHECK(kept.count == 0 && kept.bytes == 0 && !deputy_queue_pop(&kept));
}

static void no_more_is_kept_than_the_limits_allow(void)
{
    static uint8_t large[SHOAL_MAX_PACKET];
    const shoal_bytes largest = {large, sizeof large};
    struct deputy_queue kept = {NULL, NULL, 0, 0};
    size_t i;

    for (i = 0; i < DEPUTY_QUEUE_MAX_DATAGRAMS; i++)
        CHECK(keep(&kept, bytes_of_text("x")));
    CHECK(!keep(&kept, bytes_of_text("x")));
    deputy_queue_clear(&kept);
    for (i = 0; i < DEPUTY_QUEUE_MAX_BYTES / sizeof large; i++)
        CHECK(keep(&kept, largest));
    CHECK(!keep(&kept, largest));
    CHECK(keep(&kept, bytes_of_text("x")));
    deputy_queue_clear(&kept);
}

int main(void)
{
    our_id = make_identity("10.0.0.1:1", us);
    their_id = make_identity("10.0.0.2:1", them);
    third_id = make_identity("10.0.0.3:1", third);
    RUN(a_ping_is_acknowledged);
    RUN(an_indirect_ping_is_acknowledged_to_whoever_passed_it_on);
    RUN(what_needs_an_engine_gets_no_answer);
    RUN(only_packets_for_our_very_identity_count);
    RUN(malformed_packets_are_not_heard);
    RUN(a_suspicion_is_refuted_in_the_answer);
    RUN(a_suspicion_in_any_packet_is_refuted_in_the_next_answer);
    RUN(whoever_is_down_is_silent);
    RUN(an_incarnation_that_was_told_is_not_taken_back);
    RUN(another_codec_or_a_defunct_engine_has_no_deputy);
    RUN(datagrams_are_kept_in_order);
    RUN(no_more_is_kept_than_the_limits_allow);
    return 0;
}
