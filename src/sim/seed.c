/* SPDX-License-Identifier: MIT */
/* Joining: seeds are announced to until somebody is known, with backoff. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BACKOFF_US = 1000 * 1000, LAST_BACKOFF_US = 30 * 1000 * 1000 };

/* An endpoint for which there is no identity is left out; whoever answers the
 * question tells why. */
static void announce(struct sim_node *node, const char *endpoint)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t size;
    if (node->callbacks.identity_at(node->callbacks.context, endpoint, id,
                                    &size) != 0)
        return;
    (void)shoal_announce(node->engine, sim_node_now(node),
                         (shoal_bytes){id, size}); /* else the next time */
}

static bool is_alone(const struct sim_node *node)
{
    return shoal_get_connection(node->engine) == SHOAL_CONNECTION_IDLE;
}

/* Fires once. The node drains its effects when this has returned. */
static void announce_all(void *context)
{
    struct sim_node *node = context;
    bool all = is_alone(node);
    node->seeding = NULL;
    for (struct seed *seed = node->seeds; seed; seed = seed->next) {
        if (all || seed->is_new)
            announce(node, seed->endpoint);
        seed->is_new = false;
    }
}

static uint64_t next_backoff(struct sim_node *node)
{
    uint64_t backoff =
        node->seed_backoff_us ? node->seed_backoff_us * 2 : FIRST_BACKOFF_US;
    if (backoff > LAST_BACKOFF_US)
        backoff = LAST_BACKOFF_US;
    node->seed_backoff_us = backoff;
    return backoff + sim_random(node->net) % (backoff / 10 + 1);
}

static bool any_is_new(const struct sim_node *node)
{
    const struct seed *seed = node->seeds;
    while (seed && !seed->is_new)
        seed = seed->next;
    return seed != NULL;
}

void seed_update(struct sim_node *node)
{
    if (!node->seeds || any_is_new(node))
        return; /* there is a timer for those */
    if (!is_alone(node)) {
        if (node->seeding)
            sim_timer_cancel(node->seeding);
        node->seeding = NULL;
        node->seed_backoff_us = 0;
        return;
    }
    if (!node->seeding)
        node->seeding =
            sim_timer_new(node, next_backoff(node), 0, announce_all, node);
}

void seed_free_all(struct sim_node *node)
{
    while (node->seeds) {
        struct seed *seed = node->seeds;
        node->seeds = seed->next;
        free(seed);
    }
}

static struct seed *find(const struct sim_node *node, const char *endpoint)
{
    struct seed *seed = node->seeds;
    while (seed && strcmp(seed->endpoint, endpoint) != 0)
        seed = seed->next;
    return seed;
}

static struct seed *add(struct sim_node *node, const char *endpoint)
{
    size_t size = strlen(endpoint) + 1;
    struct seed *seed = malloc(sizeof *seed + size);
    if (!seed)
        return NULL;
    seed->next = node->seeds;
    seed->is_new = false;
    memcpy(seed->endpoint, endpoint, size);
    node->seeds = seed;
    return seed;
}

bool sim_join(sim_node *node, const char *endpoint)
{
    struct seed *seed = find(node, endpoint);
    if (!seed)
        seed = add(node, endpoint);
    sim_timer *soon =
        seed ? sim_timer_new(node, 0, 0, announce_all, node) : NULL;
    if (!soon)
        return false;
    seed->is_new = true;
    if (node->seeding)
        sim_timer_cancel(node->seeding);
    node->seeding = soon;
    return true;
}

const char *sim_seed(const sim_node *node, size_t i)
{
    const struct seed *seed = node->seeds;
    while (seed && i-- > 0)
        seed = seed->next;
    return seed ? seed->endpoint : NULL;
}
