/* SPDX-License-Identifier: MIT */
/*
 * What a simulation is made of:
 *   sim.c      the clock, and what happens next
 *   network.c  a packet's way
 *   node.c     an engine's life
 *   seeds.c    joining
 *   timer.c    a program's timers
 */
#ifndef SHOAL_SIM_INTERNAL_H
#define SHOAL_SIM_INTERNAL_H

#include "../core/rng.h"
#include "queue.h"
#include "sim.h"

struct packet {
    struct packet *next; /* in an inbox */
    uint32_t from;
    size_t size;
    uint8_t bytes[];
};

struct seed {
    struct seed *next;
    char endpoint[];
};

struct sim_timer {
    struct sim_timer *next, *previous; /* of its node */
    sim_node *node;                    /* NULL: cancelled */
    uint64_t repeat_us;
    sim_fn *fn;
    void *context;
    bool due; /* fell due while its node was paused */
};

struct sim_node {
    sim *net;
    uint32_t number;
    uint32_t by_address_next; /* chain of the address table, number + 1 */
    char address[SIM_MAX_ADDRESS];
    sim_callbacks callbacks;
    shoal *engine;
    int64_t clock_us; /* its clock is that much ahead */
    uint64_t delay_us;
    uint64_t handled_us; /* when a slow one is through with what it has */
    uint64_t tick_at_us; /* of its event in the queue; SHOAL_NEVER: none */
    struct packet *inbox, **inbox_end;
    uint32_t inbox_size;
    struct seed *seeds;
    sim_timer *seeding; /* announces again */
    uint64_t seed_backoff_us;
    sim_timer *timers;
    sim_traffic traffic;
    bool paused, draining, closing;
    unsigned callbacks_running;
};

struct sim_cut {
    struct sim_cut *next;
    double loss;
    uint8_t *from, *to; /* bits by node number */
    size_t bytes;       /* of each */
};

struct sim {
    uint64_t now_us;
    struct rng rng;
    sim_network network;
    struct queue queue;
    struct sim_node **nodes; /* by number; those gone are NULL */
    uint32_t num_nodes, capacity;
    uint32_t *buckets; /* address table: number + 1 */
    uint32_t num_buckets;
    struct sim_cut *cuts;
    sim_counts counts;
    uint64_t trace;
};

/* ---- sim.c ---- */
void sim_note(sim *net, const void *data, size_t size);
bool sim_chance(sim *net, double chance);

/* ---- network.c ---- */
/* A packet that `from` sends to whoever is at `endpoint`. */
void network_send(struct sim_node *from, shoal_bytes endpoint,
                  shoal_bytes packet);
/* A packet has arrived at `node`. Takes it over. */
void network_arrive(struct sim_node *node, struct packet *packet);
/* A slow node has got to it. Takes it over. */
void network_handle(struct sim_node *node, struct packet *packet);

/* ---- node.c ---- */
/* NULL: nobody is there. */
struct sim_node *node_at(const sim *net, shoal_bytes address);
/* Hands the packet to the engine. */
void node_receive(struct sim_node *node, shoal_bytes packet);
void node_tick(struct sim_node *node);
/* Does what the engine wants done, and arms its deadline. */
void node_drain(struct sim_node *node);
/* Without a word to anybody. */
void node_free(struct sim_node *node);

/* ---- seeds.c ---- */
/* After the connection state may have changed. */
void seeds_update(struct sim_node *node);
void seeds_free(struct sim_node *node);

/* ---- timer.c ---- */
void timer_fire(sim_timer *timer);
void timer_resume_all(struct sim_node *node);
void timer_free_all(struct sim_node *node);

#endif
