/* SPDX-License-Identifier: MIT */
/* Two hosts with one address. */
#include "expect.h"

#include "sim/internal.h"

static const shoal_bytes address = {(const uint8_t *)"a:1", 3};

/* A network of two places, "a:1" and "b:1". */
static sim *open_network(void)
{
    const sim_network network = {.latency = {SIM_UNIFORM, 1, 1}};
    const sim_options options[] = {{.address = "a:1"}, {.address = "b:1"}};
    sim *net = sim_new(1, &network);
    const char *problem;

    for (int i = 0; i < 2; i++)
        if (!net || !sim_open(net, &options[i], &problem))
            abort();
    return net;
}

/* Of a thousand packets for "a:1", those that come to the other place. */
static int count_shared(sim *net)
{
    int count = 0;

    for (int i = 0; i < 1000; i++)
        count += place_reached(net, address) == &net->places[1];
    return count;
}

static void an_address_is_one_place_s(void)
{
    sim *net = open_network();

    EXPECT(count_shared(net) == 0);
    EXPECT(!place_reached(net, (shoal_bytes){address.data, 2}));
    sim_free(net);
}

static void two_share_it_by_chance(void)
{
    sim *net = open_network();
    int shared;

    sim_share(net, 0, 1, 0.25);
    shared = count_shared(net);
    EXPECT(shared > 200 && shared < 300);
    sim_share(net, 0, 1, 1);
    EXPECT(count_shared(net) == 1000);
    sim_share(net, 0, 1, 0);
    EXPECT(count_shared(net) == 0);
    sim_free(net);
}

int main(void)
{
    an_address_is_one_place_s();
    two_share_it_by_chance();
    return expect_done();
}
