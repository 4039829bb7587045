/* SPDX-License-Identifier: MIT */
/*
 * What a simulation is made of:
 *   sim.c      the clock, and what happens next
 *   place.c    who lives where
 *   node.c     an engine's life
 *   network.c  a packet's way
 *   sealed.c   packets of nodes that have keys
 *   wiretap.c  packets that are sent once more
 *   inbox.c    packets that arrived and wait
 *   cut.c      places that do not hear each other
 *   fault.c    what can befall a node
 *   seed.c     joining: the driver of ../base/seeds.h
 *   timer.c    a program's timers
 *   witness.c  what is observed
 *   trace.c    the hash of it all
 */
#ifndef SHOAL_SIM_INTERNAL_H
#define SHOAL_SIM_INTERNAL_H

#include "../base/rng.h"
#include "../base/seeds.h"
#include "../seal/seal.h"
#include "../seal/waiting.h"
#include "queue.h"
#include "sim.h"

struct sim_packet {
    struct sim_packet *next; /* in an inbox */
    uint64_t label;          /* of the sender's cluster */
    uint32_t life;           /* of the node that is getting to it slowly */
    uint32_t from;           /* the sender's place */
    bool is_sealed;
    size_t size;
    uint8_t bytes[];
};

/* A packet that was recorded. */
struct tapped {
    struct tapped *next;
    uint32_t to;
    struct sim_packet *packet;
};

struct sim_timer {
    struct sim_timer *next, **place; /* in the list of its node */
    sim_node *node;                  /* NULL: cancelled */
    uint64_t repeat_us;
    sim_fn *fn;
    void *context;
    bool due; /* fell due while its node was paused */
};

struct sim_node {
    sim *net;
    uint32_t place;
    uint32_t life; /* which of those who lived there it is */
    sim_callbacks callbacks;
    uint64_t label;       /* a hash; 0: none */
    size_t envelope_size; /* what label or seal add to a packet */
    struct seal *seal;    /* NULL: none */
    shoal *engine;
    int64_t clock_us; /* its clock is that much ahead */
    int64_t wall_us;  /* its wall clock, besides */
    uint64_t delay_us;
    uint64_t handled_us; /* when a slow one is through with what it has */
    uint64_t tick_at_us; /* of its event in the queue; SHOAL_NEVER: none */
    bool tick_failed;    /* the last one: what was due still is */
    uint64_t wake_at_us; /* the same, for sim_wake() */
    struct sim_packet *inbox, **inbox_end;
    uint32_t waiting; /* packets, in the inbox or being handled slowly */
    struct seeds seeds;
    sim_timer *seeding;  /* fires when they are due; NULL: not armed */
    uint64_t seeding_us; /* when that is */
    sim_timer *timers;
    sim_traffic traffic;
    unsigned busy; /* calls of its engine or callbacks on the stack */
    bool paused, draining, closing, crashed;
};

struct sim_place {
    char address[SIM_MAX_ADDRESS];
    uint32_t next;         /* chain of the address table, number + 1 */
    struct sim_node *node; /* NULL: nobody */
    uint32_t lives;        /* nodes that were opened there */
    uint64_t seen_us;      /* the data that is watched ... */
    uint64_t copies;       /* ... in so many packets */
    uint32_t shared_with;  /* the place that gets some of its packets ... */
    double shared;         /* ... with that chance */
    /* See sim_record. */
    uint64_t wrong_downs, excused_downs, renewals, returns, ended_us;
    uint64_t *noticed_us;
    size_t num_noticed, noticed_capacity, unnoted;
};

struct sim {
    uint64_t now_us;
    struct rng rng;
    sim_network network;
    struct sim_queue queue;
    struct sim_place *places; /* by number */
    uint32_t num_places, capacity;
    uint32_t *buckets; /* address table: number + 1 */
    uint32_t num_buckets;
    struct sim_cut *cuts;
    sim_counts counts;
    uint64_t trace;
    bool taps;             /* packets are recorded */
    struct tapped *tapped; /* the latest first */
    uint8_t *watched;      /* data, see sim_watch(); NULL: none */
    size_t watched_size;
};

/* ---- trace.c ---- */
/* What happened, as the trace tells it. */
enum trace {
    TRACE_OPEN,
    TRACE_END,
    TRACE_SEND,
    TRACE_RECEIVE,
    TRACE_NOTIFY,
    TRACE_FAULT
};
/* At this moment, at that place; `detail` is whatever tells it from others. */
void trace_note(sim *net, enum trace what, uint32_t place, uint64_t detail);
void trace_bytes(sim *net, shoal_bytes bytes);

static inline bool sim_chance(sim *net, double chance)
{
    if (chance <= 0)
        return false;
    return (double)(rng_next(&net->rng) >> 11) * 0x1p-53 < chance;
}

/* ---- place.c ---- */
/* NULL: the address is not known. */
struct sim_place *place_find(const sim *net, shoal_bytes address);
/* Where a packet for that address arrives, this time; NULL: nowhere. */
struct sim_place *place_reached(sim *net, shoal_bytes address);
/* One for the address, or for a new one when that is NULL. NULL: no memory. */
struct sim_place *place_make(sim *net, const char *address);
void place_free_all(sim *net);

/* ---- network.c ---- */
/* A packet that `from` sends to whoever is at `endpoint`. */
void network_send(struct sim_node *from, shoal_bytes endpoint,
                  shoal_bytes packet);

/* On its way from the place `from`; takes it over, NULL is lost. */
void network_carry(sim *net, uint32_t from, uint32_t to,
                   struct sim_packet *packet);

/* ---- sealed.c ---- */
/* false: no memory, or no libsodium. */
bool sealed_init(struct sim_node *node, const sim_options *options);
/* NULL: no memory. */
struct sim_packet *sealed_packet(const struct sim_node *from, uint32_t to,
                                 shoal_bytes bytes);
/* Opens it, and hands what is in it to the engine; it may be the end of the
 * node. */
void sealed_receive(struct sim_node *node, struct sim_packet *packet);

/* ---- wiretap.c ---- */
/* NULL: no memory. */
struct sim_packet *wiretap_copy(const struct sim_packet *packet);
void wiretap_note(sim *net, uint32_t to, const struct sim_packet *packet);
void wiretap_free(sim *net);

/* ---- inbox.c ---- */
/* A packet has arrived at `node`. Takes it over. */
void inbox_arrive(struct sim_node *node, struct sim_packet *packet);
/* A slow node has got to it, or one that was paused. Takes it over. */
void inbox_handle(struct sim_node *node, struct sim_packet *packet);
/* The node goes on: what waits is to be handled. */
void inbox_resume(struct sim_node *node);
void inbox_free(struct sim_node *node);

/* ---- cut.c ---- */
/* Is the packet lost on that way? */
bool cut_loses(sim *net, uint32_t from, uint32_t to);
/* Does nothing get from one to the other, or back? */
bool cut_separates(const sim *net, uint32_t a, uint32_t b);

/* ---- node.c ---- */
/* Hands the packet to the engine. */
void node_receive(struct sim_node *node, shoal_bytes packet);
void node_tick(struct sim_node *node);
/* Does what the engine wants done, and arms its deadline. It may be the end of
 * the node. */
void node_drain(struct sim_node *node);
/* Makes sure that it is ticked in time. */
void node_arm(struct sim_node *node);
/* Without a word to anybody. */
void node_free(struct sim_node *node);

/* ---- seed.c ---- */
void seed_init(struct sim_node *node);
/* Arms the timer of the seeds; after the connection state may have changed. */
void seed_update(struct sim_node *node);

/* ---- timer.c ---- */
void timer_fire(sim_timer *timer);
void timer_resume_all(struct sim_node *node);
void timer_free_all(struct sim_node *node);

/* ---- witness.c ---- */
void witness_opened(struct sim_place *place);
void witness_ended(struct sim_place *place, uint64_t now_us);
void witness_notify(struct sim_node *node, const shoal_effect *effect);
/* `packet` is handed to the node. */
void witness_packet(struct sim_node *node, shoal_bytes packet);

#endif
