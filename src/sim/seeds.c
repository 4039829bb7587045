/* SPDX-License-Identifier: MIT */
/* Joining: seeds are announced to until somebody is known, with backoff. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BACKOFF_US = 1000 * 1000, LAST_BACKOFF_US = 30 * 1000 * 1000 };

static int announce(struct sim_node *node, const char *endpoint)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t size;
    int error = node->callbacks.identity_at(node->callbacks.context, endpoint,
                                            id, &size);
    if (!error)
        error = shoal_announce(node->engine, sim_node_now(node),
                               (shoal_bytes){id, size});
    return error;
}

static bool is_alone(const struct sim_node *node)
{
    return shoal_get_connection(node->engine) == SHOAL_CONNECTION_IDLE;
}

static void try_again(void *context)
{
    struct sim_node *node = context;
    node->seeding = NULL; /* it fires once */
    if (!is_alone(node))
        return;
    for (const struct seed *seed = node->seeds; seed; seed = seed->next)
        (void)announce(node, seed->endpoint); /* the next turn is soon */
}

void seeds_update(struct sim_node *node)
{
    if (!node->seeds)
        return;
    if (!is_alone(node)) {
        if (node->seeding)
            sim_timer_cancel(node->seeding);
        node->seeding = NULL;
        node->seed_backoff_us = 0;
        return;
    }
    if (node->seeding)
        return;
    uint64_t backoff =
        node->seed_backoff_us ? node->seed_backoff_us * 2 : FIRST_BACKOFF_US;
    if (backoff > LAST_BACKOFF_US)
        backoff = LAST_BACKOFF_US;
    node->seed_backoff_us = backoff;
    uint64_t jitter = sim_random(node->net) % (backoff / 10 + 1);
    node->seeding = sim_timer_new(node, backoff + jitter, 0, try_again, node);
}

void seeds_free(struct sim_node *node)
{
    while (node->seeds) {
        struct seed *seed = node->seeds;
        node->seeds = seed->next;
        free(seed);
    }
}

int sim_join(sim_node *node, const char *endpoint)
{
    size_t size = strlen(endpoint) + 1;
    struct seed *seed = malloc(sizeof *seed + size);
    if (!seed)
        return SHOAL_ERR_NOMEM;
    memcpy(seed->endpoint, endpoint, size);
    seed->next = node->seeds;
    node->seeds = seed;
    int error = announce(node, endpoint);
    node_drain(node);
    return error;
}
