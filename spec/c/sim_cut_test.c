/* SPDX-License-Identifier: MIT */
/* Cuts between places, those that do not exist among them. */
#include "expect.h"

#include "sim/internal.h"

/* A network of four places. */
static sim *open_network(void)
{
    const sim_network network = {.latency = {SIM_UNIFORM, 1, 1}};
    sim *net = sim_new(1, &network);
    const char *problem;

    if (!net)
        abort();
    for (int i = 0; i < 4; i++) {
        const sim_options options = {.address = NULL};

        if (!sim_open(net, &options, &problem))
            abort();
    }
    return net;
}

static void loses_one_way_only(void)
{
    const uint32_t from[] = {0, 1}, to[] = {2};
    sim *net = open_network();
    sim_cut *cut = sim_cut_new(net, from, 2, to, 1, 1);

    EXPECT(cut && cut_loses(net, 0, 2) && cut_loses(net, 1, 2));
    EXPECT(!cut_loses(net, 2, 0) && !cut_loses(net, 0, 3));
    sim_cut_free(net, cut);
    EXPECT(!cut_loses(net, 0, 2));
    sim_free(net);
}

static void the_rest_is_whoever_is_not_named(void)
{
    const uint32_t from[] = {3};
    sim *net = open_network();

    EXPECT(sim_cut_new(net, from, 1, NULL, SIM_REST, 1));
    EXPECT(cut_loses(net, 3, 0) && !cut_loses(net, 0, 3));
    sim_free(net);
}

static void names_no_place_that_does_not_exist(void)
{
    const uint32_t there[] = {0}, beyond[] = {1, 4}, far[] = {UINT32_MAX - 1};
    sim *net = open_network();

    EXPECT(!sim_cut_new(net, beyond, 2, there, 1, 1));
    EXPECT(!sim_cut_new(net, there, 1, beyond, 2, 1));
    EXPECT(!sim_cut_new(net, far, 1, NULL, SIM_REST, 1));
    EXPECT(!cut_loses(net, 1, 0));
    sim_free(net);
}

int main(void)
{
    loses_one_way_only();
    the_rest_is_whoever_is_not_named();
    names_no_place_that_does_not_exist();
    return expect_done();
}
