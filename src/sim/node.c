/* SPDX-License-Identifier: MIT */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Who is where ---- */

static uint32_t hash_of(shoal_bytes address)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < address.size; i++)
        hash = (hash ^ address.data[i]) * 16777619u;
    return hash;
}

static shoal_bytes address_of(const struct sim_node *node)
{
    return (shoal_bytes){(const uint8_t *)node->address, strlen(node->address)};
}

struct sim_node *node_at(const sim *net, shoal_bytes address)
{
    if (net->num_buckets == 0)
        return NULL;
    uint32_t number = net->buckets[hash_of(address) & (net->num_buckets - 1)];
    while (number) {
        struct sim_node *node = net->nodes[number - 1];
        shoal_bytes own = address_of(node);
        if (own.size == address.size &&
            memcmp(own.data, address.data, own.size) == 0)
            return node;
        number = node->by_address_next;
    }
    return NULL;
}

static void link_node(sim *net, struct sim_node *node)
{
    uint32_t *bucket =
        &net->buckets[hash_of(address_of(node)) & (net->num_buckets - 1)];
    node->by_address_next = *bucket;
    *bucket = node->number + 1;
}

static void unlink_node(sim *net, struct sim_node *node)
{
    uint32_t *at =
        &net->buckets[hash_of(address_of(node)) & (net->num_buckets - 1)];
    while (*at != node->number + 1)
        at = &net->nodes[*at - 1]->by_address_next;
    *at = node->by_address_next;
}

/* Room for one more, in the list and in the address table. */
static bool grow(sim *net)
{
    if (net->num_nodes < net->capacity)
        return true;
    uint32_t capacity = net->capacity ? net->capacity * 2 : 64;
    uint32_t *buckets = calloc(capacity, sizeof *buckets);
    struct sim_node **nodes =
        realloc(net->nodes, capacity * sizeof *net->nodes);
    if (nodes)
        net->nodes = nodes;
    if (!buckets || !nodes) {
        free(buckets);
        return false;
    }
    free(net->buckets);
    net->buckets = buckets;
    net->capacity = net->num_buckets = capacity;
    for (uint32_t i = 0; i < net->num_nodes; i++)
        if (net->nodes[i])
            link_node(net, net->nodes[i]);
    return true;
}

static void put_digits(char **at, unsigned value)
{
    if (value >= 10)
        put_digits(at, value / 10);
    *(*at)++ = (char)('0' + value % 10);
}

/* The n-th node lives at 10.x.y.z:7946. */
static void make_address(uint32_t number, char *out)
{
    const unsigned parts[] = {10, (number + 1) >> 16 & 255,
                              (number + 1) >> 8 & 255, (number + 1) & 255};
    for (int i = 0; i < 4; i++) {
        put_digits(&out, parts[i]);
        *out++ = i < 3 ? '.' : ':';
    }
    memcpy(out, "7946", 5);
}

/* ---- Life ---- */

sim_node *sim_open(sim *net, const char *address,
                   const sim_callbacks *callbacks, const char **problem)
{
    char made[SIM_MAX_ADDRESS];
    if (!address) {
        make_address(net->num_nodes, made);
        address = made;
    }
    size_t size = strlen(address);
    *problem = NULL;
    if (size == 0 || size >= SIM_MAX_ADDRESS)
        *problem = "an address has 1 to 63 bytes";
    else if (node_at(net, (shoal_bytes){(const uint8_t *)address, size}))
        *problem = "address already in use";
    if (*problem)
        return NULL;
    struct sim_node *node = calloc(1, sizeof *node);
    if (!node || !grow(net)) {
        free(node);
        *problem = "out of memory";
        return NULL;
    }
    node->net = net;
    node->number = net->num_nodes;
    node->callbacks = *callbacks;
    node->tick_at_us = SHOAL_NEVER;
    node->inbox_end = &node->inbox;
    memcpy(node->address, address, size + 1);
    net->nodes[net->num_nodes++] = node;
    link_node(net, node);
    return node;
}

const char *sim_address(const sim_node *node)
{
    return node->address;
}

uint32_t sim_number(const sim_node *node)
{
    return node->number;
}

int sim_start(sim_node *node, const shoal_options *options, const char **detail)
{
    int error = shoal_new(options, &node->engine, detail);
    if (!error)
        node_drain(node);
    return error;
}

static void free_inbox(struct sim_node *node)
{
    while (node->inbox) {
        struct packet *packet = node->inbox;
        node->inbox = packet->next;
        free(packet);
    }
}

void node_free(struct sim_node *node)
{
    if (!node)
        return;
    timer_free_all(node);
    seeds_free(node);
    free_inbox(node);
    unlink_node(node->net, node);
    node->net->nodes[node->number] = NULL;
    shoal_free(node->engine);
    free(node);
}

static void finish(struct sim_node *node)
{
    sim_callbacks callbacks = node->callbacks;
    node_free(node);
    if (callbacks.on_closed)
        callbacks.on_closed(callbacks.context);
}

void sim_crash(sim_node *node)
{
    finish(node);
}

void sim_close(sim_node *node)
{
    node->closing = true;
    node_drain(node);
}

shoal *sim_engine(sim_node *node)
{
    return node->engine;
}

uint64_t sim_node_now(const sim_node *node)
{
    return node->net->now_us + (uint64_t)node->clock_us;
}

sim_traffic sim_node_traffic(const sim_node *node)
{
    return node->traffic;
}

/* ---- Inputs and effects ---- */

/* One event in the queue stands for the engine's deadline. A later deadline
 * leaves it alone: when it comes it is found to be early, and moved. */
static void arm_tick(struct sim_node *node)
{
    uint64_t deadline = shoal_next_deadline(node->engine),
             now = node->net->now_us;
    if (deadline == SHOAL_NEVER)
        return;
    uint64_t at = deadline - (uint64_t)node->clock_us;
    if (deadline < (uint64_t)node->clock_us || at < now)
        at = now;
    if (at >= node->tick_at_us)
        return;
    struct event event = {
        .at_us = at, .kind = EVENT_TICK, .node = node->number};
    if (queue_push(&node->net->queue, event))
        node->tick_at_us = at;
}

static void notify(struct sim_node *node, const shoal_effect *effect)
{
    if (!node->callbacks.on_notify)
        return;
    node->callbacks_running++;
    node->callbacks.on_notify(node->callbacks.context, effect);
    node->callbacks_running--;
}

void node_drain(struct sim_node *node)
{
    if (node->draining || node->callbacks_running > 0)
        return; /* the one who does it goes on */
    node->draining = true;
    shoal_effect effect;
    while (node->engine && shoal_next_effect(node->engine, &effect)) {
        if (effect.kind == SHOAL_SEND)
            network_send(node, effect.member.endpoint, effect.packet);
        else
            notify(node, &effect);
    }
    node->draining = false;
    if (node->closing) {
        finish(node);
        return;
    }
    if (!node->engine)
        return;
    seeds_update(node);
    arm_tick(node);
}

void sim_wake(sim_node *node)
{
    node_drain(node);
}

void node_receive(struct sim_node *node, shoal_bytes packet)
{
    if (!node->engine)
        return;
    node->traffic.packets_received++;
    /* A refused packet is counted by the engine; there is nobody to tell. */
    (void)shoal_receive(node->engine, sim_node_now(node), packet);
    node_drain(node);
}

void node_tick(struct sim_node *node)
{
    node->tick_at_us = SHOAL_NEVER;
    if (node->paused || !node->engine)
        return;
    if (shoal_next_deadline(node->engine) <= sim_node_now(node))
        (void)shoal_tick(node->engine, sim_node_now(node));
    node_drain(node);
}

/* ---- Faults ---- */

void sim_pause(sim_node *node)
{
    node->paused = true;
}

bool sim_is_paused(const sim_node *node)
{
    return node->paused;
}

void sim_resume(sim_node *node)
{
    if (!node->paused)
        return;
    node->paused = false;
    /* What waits comes as events of their own, so that the node may be closed
     * by the first of them; before the tick, as a host reads its socket first.
     */
    while (node->inbox) {
        struct packet *packet = node->inbox;
        struct event event = {.at_us = node->net->now_us,
                              .kind = EVENT_HANDLE,
                              .node = node->number,
                              .what = packet};
        node->inbox = packet->next;
        if (!queue_push(&node->net->queue, event)) {
            node->net->counts.lost++;
            free(packet);
        }
    }
    node->inbox_end = &node->inbox;
    node->inbox_size = 0;
    timer_resume_all(node);
    node->tick_at_us = SHOAL_NEVER;
    if (node->engine)
        arm_tick(node);
}

void sim_set_slowness(sim_node *node, uint64_t delay_us)
{
    node->delay_us = delay_us;
}

void sim_step_clock(sim_node *node, int64_t by_us)
{
    node->clock_us += by_us;
    node->tick_at_us = SHOAL_NEVER;
    if (node->engine)
        arm_tick(node);
}
