/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>

/* Both sides are sets of places: a bit for each that is named. */
struct sim_cut {
    struct sim_cut *next;
    double loss;
    uint32_t num_bits; /* places beyond are in neither list */
    bool from_rest, to_rest;
    uint8_t *from, *to;
};

static bool has_bit(const struct sim_cut *cut, const uint8_t *bits,
                    uint32_t place)
{
    return place < cut->num_bits && bits[place / 8] >> place % 8 & 1;
}

static bool goes_through(const struct sim_cut *cut, uint32_t from, uint32_t to)
{
    bool leaves = cut->from_rest ? !has_bit(cut, cut->to, from)
                                 : has_bit(cut, cut->from, from);
    bool arrives =
        cut->to_rest ? !has_bit(cut, cut->from, to) : has_bit(cut, cut->to, to);
    return leaves && arrives;
}

bool cut_loses(sim *net, uint32_t from, uint32_t to)
{
    for (const sim_cut *cut = net->cuts; cut; cut = cut->next) {
        if (goes_through(cut, from, to) && sim_chance(net, cut->loss))
            return true;
    }
    return false;
}

bool cut_separates(const sim *net, uint32_t a, uint32_t b)
{
    for (const sim_cut *cut = net->cuts; cut; cut = cut->next) {
        if (cut->loss >= 1 &&
            (goes_through(cut, a, b) || goes_through(cut, b, a)))
            return true;
    }
    return false;
}

static bool exist(const sim *net, const uint32_t *places, uint32_t count)
{
    for (uint32_t i = 0; count != SIM_REST && i < count; i++) {
        if (places[i] >= net->num_places)
            return false;
    }
    return true;
}

static void set_bits(uint8_t *bits, const uint32_t *places, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        bits[places[i] / 8] |= (uint8_t)(1 << places[i] % 8);
}

sim_cut *sim_cut_new(sim *net, const uint32_t *from, uint32_t num_from,
                     const uint32_t *to, uint32_t num_to, double loss)
{
    if (!exist(net, from, num_from) || !exist(net, to, num_to))
        return NULL;
    sim_cut *cut = malloc(sizeof *cut);
    size_t bytes = net->num_places / 8 + 1;
    uint8_t *bits = calloc(2, bytes);
    if (!cut || !bits) {
        free(cut);
        free(bits);
        return NULL;
    }
    *cut = (sim_cut){.next = net->cuts,
                     .loss = loss,
                     .num_bits = net->num_places,
                     .from_rest = num_from == SIM_REST,
                     .to_rest = num_to == SIM_REST,
                     .from = bits,
                     .to = bits + bytes};
    set_bits(cut->from, from, cut->from_rest ? 0 : num_from);
    set_bits(cut->to, to, cut->to_rest ? 0 : num_to);
    net->cuts = cut;
    return cut;
}

void sim_cut_free(sim *net, sim_cut *cut)
{
    if (!cut)
        return;
    sim_cut **at = &net->cuts;
    while (*at != cut)
        at = &(*at)->next;
    *at = cut->next;
    free(cut->from);
    free(cut);
}
