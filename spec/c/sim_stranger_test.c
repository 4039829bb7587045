/* SPDX-License-Identifier: MIT */
/* A forged packet, in a cluster: what it brings the one that it names. */
#include "expect.h"

#include "base/bytes.h"
#include "base/rng.h"
#include "sim/sim.h"
#include "wire/wire.h"

#include <stdio.h>
#include <stdlib.h>

enum { SECOND = 1000 * 1000, MAX_MEMBERS = 256, FACTOR = 3 };

/* Of whom an attacker has somebody's packets sent to. */
struct victim {
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t id_size;
    char addr[SIM_MAX_ADDRESS];
    size_t asked, got; /* bytes */
};

static struct victim victims[SHOAL_NUM_MESSAGES];
static sim_node *nodes[MAX_MEMBERS];
static uint32_t num_nodes;

static void on_notify(void *context, const shoal_effect *effect)
{
    (void)context, (void)effect;
}

static int identity_at(void *context, const char *endpoint, uint8_t *out,
                       size_t *size)
{
    (void)context;
    return shoal_stock_identity_new(bytes_of_text(endpoint), 0, out, size);
}

static void on_send(void *context, const shoal_effect *effect)
{
    (void)context;
    for (size_t i = 0; i < SHOAL_NUM_MESSAGES; i++)
        if (bytes_equal(effect->member.endpoint,
                        bytes_of_text(victims[i].addr)))
            victims[i].got += effect->packet.size;
}

static void start(sim *net, uint32_t i, uint32_t count)
{
    char addr[SIM_MAX_ADDRESS];
    uint8_t id[SHOAL_MAX_IDENTITY];
    const char *problem;
    sim_options options = {.address = addr,
                           .callbacks = {.on_notify = on_notify,
                                         .identity_at = identity_at,
                                         .on_send = on_send}};
    shoal_options engine = {.seed = i + 1,
                            .identity = {id, 0},
                            .config = shoal_config_lan(count),
                            .handlers = {.identity = shoal_stock_identity(),
                                         .codec = shoal_default_codec()}};

    snprintf(addr, sizeof addr, "10.0.%u.%u:7946", i / 200, i % 200 + 1);
    sim_node *node = nodes[i] = sim_open(net, &options, &problem);
    EXPECT(node && shoal_stock_identity_new(bytes_of_text(addr), 1, id,
                                            &engine.identity.size) == 0);
    EXPECT(sim_start(node, &engine, &problem) == 0);
    if (i > 0)
        EXPECT(sim_join(node, "10.0.0.1:7946"));
}

static void run(sim *net, uint64_t us)
{
    uint64_t until_us = sim_now(net) + us;
    while (sim_step(net, until_us))
        ;
}

static sim *grow(uint32_t count)
{
    const sim_network network = {.latency = {SIM_UNIFORM, 500, 2000}};
    sim *net = sim_new(count, &network);

    num_nodes = count;
    for (uint32_t i = 0; i < count; i++)
        start(net, i, count);
    run(net, 10 * SECOND);
    for (uint32_t i = 0; i < count; i++)
        EXPECT(shoal_num_members(sim_engine(nodes[i])) == count - 1);
    return net;
}

/* ---- Forged packets ---- */

static size_t put_claims(uint8_t *out, size_t room, shoal_bytes about)
{
    const shoal_update claim = {.id = about, .state = SHOAL_ALIVE};
    size_t size;

    out[0] = 0;
    out[1] = 1;
    EXPECT(wire_encode_member(NULL, &claim, out + 2, room - 2, &size) == 0);
    return size + 2;
}

/* A list of everybody that names nobody: tell me all. */
static size_t put_question(uint8_t *out)
{
    static const uint8_t item[] = {0, 2, 2, 0};

    memcpy(out, item, sizeof item);
    return sizeof item;
}

static void forge(sim_node *to, uint8_t kind, shoal_bytes src,
                  uint16_t incarnation, struct victim *victim)
{
    shoal_member self = shoal_self(sim_engine(to));
    shoal_header header = {
        .kind = kind,
        .src = src,
        .src_incarnation = incarnation,
        .dst_hash = wire_hash(kind == SHOAL_MSG_ANNOUNCE ? self.addr : self.id),
        .peer = shoal_self(sim_engine(nodes[1])).id};
    uint8_t packet[1400];
    size_t size;

    EXPECT(wire_encode_header(NULL, &header, packet, sizeof packet, &size) ==
           0);
    if (wire_has_claims(kind))
        size += put_claims(packet + size, sizeof packet - size, src);
    if (kind == SHOAL_MSG_EXCHANGE)
        size += put_question(packet + size);
    victim->asked += size;
    EXPECT(shoal_receive(sim_engine(to), sim_node_now(to),
                         (shoal_bytes){packet, size}) == 0);
    sim_wake(to);
}

static shoal_bytes draw_victim(struct victim *victim, uint8_t kind)
{
    *victim = (struct victim){0};
    snprintf(victim->addr, sizeof victim->addr, "10.9.9.%d:7946", kind + 1);
    EXPECT(shoal_stock_identity_new(bytes_of_text(victim->addr), 5, victim->id,
                                    &victim->id_size) == 0);
    return (shoal_bytes){victim->id, victim->id_size};
}

static void expect_nobody_knows(shoal_bytes addr)
{
    shoal_member member;

    for (uint32_t i = 0; i < num_nodes; i++)
        EXPECT(!shoal_find(sim_engine(nodes[i]), addr, &member));
}

/* One packet of each kind, in the name of somebody who has nothing to do with
 * the cluster. */
static void nobody_is_worth_more(uint32_t count)
{
    sim *net = grow(count);
    char subject[64];

    for (uint8_t kind = 0; kind < SHOAL_NUM_MESSAGES; kind++) {
        shoal_bytes id = draw_victim(&victims[kind], kind);
        forge(nodes[0], kind, id, 0, &victims[kind]);
    }
    run(net, 60 * SECOND);
    for (uint8_t kind = 0; kind < SHOAL_NUM_MESSAGES; kind++) {
        snprintf(subject, sizeof subject, "%s, %u members: %zu bytes for %zu",
                 shoal_message_name(kind), count, victims[kind].got,
                 victims[kind].asked);
        expect_subject = subject;
        EXPECT(victims[kind].got <= FACTOR * victims[kind].asked);
        expect_nobody_knows(bytes_of_text(victims[kind].addr));
    }
    sim_free(net);
}

/* ---- In the name of somebody who is known ---- */

static void expect_all_hold(uint32_t from, const char *addr, uint8_t state,
                            shoal_bytes id)
{
    shoal_member member;

    for (uint32_t i = from; i < num_nodes; i++) {
        EXPECT(shoal_find(sim_engine(nodes[i]), bytes_of_text(addr), &member));
        EXPECT(member.state == state && bytes_equal(member.id, id));
    }
}

static void who_is_down_is_not_brought_back(void)
{
    sim *net = grow(16);
    char addr[SIM_MAX_ADDRESS] = "10.0.0.1:7946";
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t size;
    struct victim victim = {.asked = 0};

    expect_subject = "down";
    EXPECT(shoal_stock_identity_new(bytes_of_text(addr), 1, id, &size) == 0);
    sim_crash(nodes[0]);
    run(net, 30 * SECOND);
    expect_all_hold(1, addr, SHOAL_DOWN, (shoal_bytes){id, size});
    for (uint8_t kind = 0; kind < SHOAL_NUM_MESSAGES; kind++)
        forge(nodes[3], kind, (shoal_bytes){id, size}, 9, &victim);
    run(net, 60 * SECOND);
    expect_all_hold(1, addr, SHOAL_DOWN, (shoal_bytes){id, size});
    sim_free(net);
}

static void who_is_there_is_not_renewed(void)
{
    sim *net = grow(16);
    const char *addr = "10.0.0.3:7946";
    uint8_t id[SHOAL_MAX_IDENTITY], newer[SHOAL_MAX_IDENTITY];
    size_t size, newer_size;
    struct victim victim = {.asked = 0};

    expect_subject = "newer";
    EXPECT(shoal_stock_identity_new(bytes_of_text(addr), 1, id, &size) == 0);
    EXPECT(shoal_stock_identity_new(bytes_of_text(addr), 77, newer,
                                    &newer_size) == 0);
    for (uint8_t kind = 0; kind < SHOAL_NUM_MESSAGES; kind++)
        forge(nodes[5], kind, (shoal_bytes){newer, newer_size}, 0, &victim);
    run(net, 10 * SECOND);
    expect_all_hold(4, addr, SHOAL_ALIVE, (shoal_bytes){id, size});
    EXPECT(shoal_get_stats(sim_engine(nodes[2])).renewals == 0);
    sim_free(net);
}

int main(void)
{
    nobody_is_worth_more(5);
    nobody_is_worth_more(64);
    nobody_is_worth_more(256);
    who_is_down_is_not_brought_back();
    who_is_there_is_not_renewed();
    return expect_done();
}
