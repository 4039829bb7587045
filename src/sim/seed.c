/* SPDX-License-Identifier: MIT */
/* Joining: asks those seeds that src/base/seeds.h says, in virtual time. */
#include "../base/bytes.h"
#include "internal.h"

#include <string.h>

static bool is_ours(const struct sim_node *node, const char *address)
{
    shoal_bytes ours = shoal_self(node->engine).endpoint;
    return strcmp(address, sim_address(node->net, node->place)) == 0 ||
           bytes_equal(ours, bytes_of_text(address));
}

static enum seeds_standing standing(void *context, const char *address)
{
    const struct sim_node *node = context;
    shoal_member member;
    if (is_ours(node, address))
        return SEEDS_OURS;
    return shoal_find_endpoint(node->engine, bytes_of_text(address), &member)
               ? SEEDS_MEMBER
               : SEEDS_STRANGER;
}

void seed_init(struct sim_node *node)
{
    seeds_init(&node->seeds, 0, standing, node);
}

/* Calls `entry` with an identity for whoever is there. An endpoint for which
 * there is none is left out; whoever answers the question tells why. */
typedef int entry_fn(shoal *engine, uint64_t now_us, shoal_bytes id);

static void call(struct sim_node *node, const char *endpoint, entry_fn *entry)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t size;
    if (node->callbacks.identity_at(node->callbacks.context, endpoint, id,
                                    &size) == 0)
        (void)entry(node->engine, sim_node_now(node),
                    (shoal_bytes){id, size}); /* else the next time */
}

/* The timer's. The node drains its effects when this has returned. */
static void ask(void *context)
{
    struct sim_node *node = context;
    struct seeds_task task;
    node->seeding = NULL;
    if (!node->engine)
        return;
    while (seeds_next(&node->seeds, node->net->now_us, &task))
        call(node, task.address, shoal_announce);
}

/* false: no memory. */
static bool arm(struct sim_node *node)
{
    uint64_t now_us = node->net->now_us, due_us = seeds_due(&node->seeds);
    if (due_us < now_us)
        due_us = now_us;
    if (node->seeding && node->seeding_us == due_us)
        return true;
    if (node->seeding)
        sim_timer_cancel(node->seeding);
    node->seeding = NULL;
    if (due_us == SHOAL_NEVER)
        return true;
    node->seeding = sim_timer_new(node, due_us - now_us, 0, ask, node);
    node->seeding_us = due_us;
    return node->seeding != NULL;
}

void seed_update(struct sim_node *node)
{
    seeds_update(&node->seeds, node->net->now_us,
                 shoal_get_connection(node->engine));
    (void)arm(node); /* no memory: the next time */
}

bool sim_join(sim_node *node, const char *endpoint)
{
    struct seed *seed = seeds_find(&node->seeds, endpoint);
    if (!seed)
        seed = seeds_add(&node->seeds, endpoint, endpoint);
    if (!seed)
        return false;
    seeds_ask(&node->seeds, node->net->now_us, seed);
    return arm(node);
}

const char *sim_seed(const sim_node *node, size_t i)
{
    return i < node->seeds.count ? node->seeds.list[i]->text : NULL;
}

int sim_depart(sim_node *node)
{
    int error = shoal_leave(node->engine, sim_node_now(node));
    const char *address;
    size_t cursor = 0;
    while (error == 0 && (address = seeds_next_asked(
                              &node->seeds, node->net->now_us, &cursor)))
        call(node, address, shoal_leave_to);
    return error;
}
