/* SPDX-License-Identifier: MIT */
/* Looking ahead at packets that came at once: nobody can tell whether it was
 * done, whatever the packets and the codec. */
#include "../../src/base/bytes.h"
#include "../../src/base/rng.h"
#include "../../src/shoal.h"
#include "../../src/wire/wire.h"
#include "golden.h"

#include <stddef.h>

enum {
    AT_ONCE = 40, /* more than are looked at */
    ROUNDS = 300,
    NAMES = 30,
    PACKET_ROOM = 1400
};

struct id {
    uint8_t bytes[SHOAL_MAX_IDENTITY];
    size_t size;
};

static shoal_codec codec;

static shoal_bytes id_of(unsigned name, uint64_t bump, struct id *id)
{
    char addr[16];
    int size = snprintf(addr, sizeof addr, "m%u:1", name);

    EXPECT(shoal_stock_identity_new(
               (shoal_bytes){(const uint8_t *)addr, (size_t)size}, bump,
               id->bytes, &id->size) == 0);
    return (shoal_bytes){id->bytes, id->size};
}

static shoal *make(shoal_codec its_codec)
{
    struct id id;
    shoal_options options = {
        .identity = id_of(0, 1, &id),
        .seed = 7,
        .config = shoal_config_loopback(NAMES),
        .handlers = {.identity = shoal_stock_identity(), .codec = its_codec}};
    shoal *engine;

    options.config.check_strangers = false; /* these packets have no echo */
    EXPECT(shoal_new(&options, &engine, NULL) == 0);
    shoal_set_diagnostics(engine, UINT32_MAX);
    return engine;
}

/* ---- Packets of all sorts ---- */

static size_t put_claims(struct rng *rng, uint8_t *out, size_t room)
{
    uint32_t count = rng_below(rng, 8);
    size_t size = 2, used;

    out[0] = 0;
    out[1] = (uint8_t)count;
    while (count-- > 0) {
        struct id id;
        shoal_update claim = {
            .id = id_of(rng_below(rng, NAMES), 1 + rng_below(rng, 2), &id),
            .incarnation = (uint16_t)rng_below(rng, 4),
            .state = (uint8_t)rng_below(rng, 3)};

        EXPECT(codec.encode_member(NULL, &claim, out + size, room - size,
                                   &used) == 0);
        size += used;
    }
    return size;
}

static size_t put_packet(struct rng *rng, shoal_bytes dst, uint8_t *out)
{
    struct id src;
    shoal_header header = {
        .kind =
            (uint8_t)(rng_below(rng, 2) ? SHOAL_MSG_PING : SHOAL_MSG_GOSSIP),
        .number = (uint8_t)rng_below(rng, 4),
        .src = id_of(rng_below(rng, NAMES), 1 + rng_below(rng, 2), &src),
        .dst_hash = wire_hash(dst)};
    size_t size;

    EXPECT(codec.encode_header(NULL, &header, out, PACKET_ROOM, &size) == 0);
    return size + put_claims(rng, out + size, PACKET_ROOM - size);
}

/* One in four is cut, one in four has a byte changed. */
static struct bytes draw_packet(struct rng *rng, shoal_bytes dst)
{
    uint8_t out[PACKET_ROOM];
    size_t size = put_packet(rng, dst, out);

    switch (rng_below(rng, 4)) {
    case 0:
        size = rng_below(rng, (uint32_t)size);
        break;
    case 1:
        out[rng_below(rng, (uint32_t)size)] = (uint8_t)rng_next(rng);
        break;
    default:
        break;
    }
    return bytes_copy_of(out, size);
}

/* ---- Two engines, one of which looks ahead ---- */

static void expect_same_effects(shoal *one, shoal *other)
{
    shoal_effect a, b;

    while (shoal_next_effect(one, &a)) {
        EXPECT(shoal_next_effect(other, &b));
        EXPECT(a.kind == b.kind && a.event == b.event);
        EXPECT(bytes_equal(a.packet, b.packet));
        EXPECT(bytes_equal(a.member.id, b.member.id));
        EXPECT(a.member.state == b.member.state);
        EXPECT(a.member.incarnation == b.member.incarnation);
        EXPECT(bytes_equal(a.before, b.before));
    }
    EXPECT(!shoal_next_effect(other, &b));
}

static void expect_same_stats(const shoal *one, const shoal *other)
{
    shoal_stats a = shoal_get_stats(one), b = shoal_get_stats(other);

    EXPECT(memcmp(&a, &b, offsetof(shoal_stats, local_health)) == 0);
    EXPECT(a.local_health == b.local_health);
    EXPECT(shoal_next_deadline(one) == shoal_next_deadline(other));
}

static void receive_in_both(shoal *plain, shoal *ahead, struct rng *rng,
                            uint64_t now_us)
{
    struct bytes packets[AT_ONCE];
    shoal_bytes spans[AT_ONCE];

    for (size_t i = 0; i < AT_ONCE; i++) {
        packets[i] = draw_packet(rng, shoal_self(plain).id);
        spans[i] = spanning(packets[i]);
    }
    shoal_look_ahead(ahead, spans, rng_below(rng, AT_ONCE + 1));
    for (size_t i = 0; i < AT_ONCE; i++) {
        EXPECT(shoal_receive(plain, now_us, spans[i]) ==
               shoal_receive(ahead, now_us, spans[i]));
        expect_same_effects(plain, ahead);
        free(packets[i].data);
    }
}

static void changes_nothing(void)
{
    shoal *plain = make(codec), *ahead = make(codec);
    struct rng rng = {11};

    expect_subject = "with and without looking ahead";
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        receive_in_both(plain, ahead, &rng, i * 50000);
        EXPECT(shoal_tick(plain, i * 50000) == shoal_tick(ahead, i * 50000));
        expect_same_effects(plain, ahead);
    }
    EXPECT(shoal_get_stats(plain).received[SHOAL_MSG_PING] > 100);
    expect_same_stats(plain, ahead);
    shoal_free(plain);
    shoal_free(ahead);
}

/* ---- Any bytes ---- */

static void takes_packets_cut_short_at_any_byte(void)
{
    shoal *engine = make(codec);

    for (size_t i = 0; i < COUNT(golden); i++) {
        struct bytes packet = bytes_of_hex(golden[i].header);

        expect_subject = golden[i].header;
        for (size_t size = 0; size <= packet.size; size++) {
            struct bytes part = bytes_copy_of(packet.data, size);
            shoal_bytes span = spanning(part);

            shoal_look_ahead(engine, &span, 1);
            free(part.data);
        }
        free(packet.data);
    }
    shoal_look_ahead(engine, NULL, 0);
    EXPECT(shoal_get_stats(engine).packets_received == 0);
    shoal_free(engine);
}

/* ---- Any codec ---- */

static shoal_bytes answer;
static unsigned peeks;

static shoal_bytes peek_an_answer(void *context, shoal_bytes packet)
{
    (void)context;
    (void)packet;
    peeks++;
    return answer;
}

static unsigned peeks_at(shoal_codec its_codec, size_t count)
{
    shoal *engine = make(its_codec);
    shoal_bytes spans[AT_ONCE] = {{NULL, 0}};

    peeks = 0;
    shoal_look_ahead(engine, spans, count);
    shoal_free(engine);
    return peeks;
}

static void does_without_a_codec_that_can_peek(void)
{
    shoal_codec blind = codec;

    expect_subject = "no peek_source";
    blind.peek_source = NULL;
    EXPECT(peeks_at(blind, AT_ONCE) == 0);
}

static void takes_any_answer(void)
{
    static const uint8_t bytes[SHOAL_MAX_IDENTITY + 1];
    shoal_codec odd = codec;

    odd.peek_source = peek_an_answer;
    expect_subject = "peek_source";
    for (size_t size = 0; size <= sizeof bytes; size += 57) {
        answer = (shoal_bytes){bytes, size};
        EXPECT(peeks_at(odd, 3) == 3);
    }
    EXPECT(peeks_at(odd, 0) == 0);
    EXPECT(peeks_at(odd, AT_ONCE) == 32);
}

int main(void)
{
    codec = shoal_default_codec();
    changes_nothing();
    takes_packets_cut_short_at_any_byte();
    does_without_a_codec_that_can_peek();
    takes_any_answer();
    return expect_done();
}
