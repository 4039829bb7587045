/* SPDX-License-Identifier: MIT */
/* Random members without replacement. */
#include "members.h"

enum { MAX_DRAWS = MEMBERS_MAX_PICK + 65 };

/* A Fisher-Yates shuffle of 0..n-1 that leaves the array alone: only the
 * cells that a swap changed are written down. */
struct draws {
    uint32_t count;
    uint32_t at[MAX_DRAWS], value[MAX_DRAWS]; /* cells that differ */
    uint32_t num_cells;
};

static uint32_t *find_cell(struct draws *draws, uint32_t at)
{
    for (uint32_t i = 0; i < draws->num_cells; i++)
        if (draws->at[i] == at)
            return &draws->value[i];
    return NULL;
}

/* A position that was not drawn before, uniformly. */
static uint32_t draw(struct draws *draws, struct rng *rng, uint32_t n)
{
    uint32_t front = draws->count++;
    uint32_t at = front + rng_below(rng, n - front);
    uint32_t *front_cell = find_cell(draws, front);
    uint32_t front_value = front_cell ? *front_cell : front;
    uint32_t *cell = find_cell(draws, at);
    if (cell) {
        uint32_t drawn = *cell;
        *cell = front_value;
        return drawn;
    }
    draws->at[draws->num_cells] = at;
    draws->value[draws->num_cells++] = front_value;
    return at;
}

/* When hardly anybody passes: look at everybody once. Reservoir sampling
 * (Vitter: "Random Sampling with a Reservoir", 1985, algorithm R). */
static uint32_t pick_of_all(const struct members *members,
                            const struct order *order, struct rng *rng,
                            uint32_t k, members_filter *filter, void *context,
                            struct member *out[])
{
    uint32_t passed = 0;
    for (uint32_t i = 0; i < order->count; i++) {
        struct member *member = members_at(members, order->slots[i]);
        if (!filter(context, member))
            continue;
        uint32_t at = passed < k ? passed : rng_below(rng, passed + 1);
        if (at < k)
            out[at] = member;
        passed++;
    }
    return passed < k ? passed : k;
}

bool members_alive(void *context, const struct member *member)
{
    (void)context;
    return member->state == SHOAL_ALIVE;
}

uint32_t members_pick(const struct members *members, const struct order *order,
                      struct rng *rng, uint32_t k, members_filter *filter,
                      void *context, struct member *out[])
{
    struct draws draws;
    draws.count = draws.num_cells = 0;
    uint32_t n = order->count, found = 0;
    if (k > MEMBERS_MAX_PICK)
        k = MEMBERS_MAX_PICK;
    while (found < k && draws.count < n && draws.count < MAX_DRAWS) {
        uint32_t at = draw(&draws, rng, n);
        struct member *member = members_at(members, order->slots[at]);
        if (!filter || filter(context, member))
            out[found++] = member;
    }
    if (found == k || draws.count == n)
        return found;
    return pick_of_all(members, order, rng, k, filter, context, out);
}

struct member *members_pick_one(const struct members *members, struct rng *rng)
{
    struct member *member = NULL;
    if (members_pick(members, &members->active, rng, 1, members_alive, NULL,
                     &member) == 0)
        members_pick(members, &members->active, rng, 1, NULL, NULL, &member);
    return member;
}
