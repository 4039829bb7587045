/* SPDX-License-Identifier: MIT */
/*
 * The simulated host: many engines, one virtual clock, one bad network.
 *
 * A simulation is a queue of events in virtual time: a packet arrives, an
 * engine's deadline passes, a program's timer fires, a fault begins or ends.
 * Events of the same moment happen in the order in which they were made.
 * Everything random comes from one seed, so the same calls give the same run,
 * byte for byte; sim_trace() is a hash to hold two runs against each other.
 *
 * A node goes through the same life as one of src/host/host.h, with the same
 * callbacks: sim_open(), sim_start(), sim_close(); its address is what it says
 * it is. sim_crash() ends it without a word.
 *
 * Nothing here allocates behind the caller's back without saying so: functions
 * that make something answer NULL when there is no memory; a packet for which
 * there is none is lost, and counted.
 *
 * One thread. Times are microseconds of virtual time, which starts at 0.
 */
#ifndef SHOAL_SIM_H
#define SHOAL_SIM_H

#include "../shoal.h"

typedef struct sim sim;
typedef struct sim_node sim_node;

/* ---- The network ---- */

typedef enum sim_distribution {
    SIM_UNIFORM,    /* from `low_us` to `high_us` */
    SIM_EXPONENTIAL /* `low_us`, and on average `high_us - low_us` more: a long
                       tail */
} sim_distribution;

typedef struct sim_latency {
    sim_distribution distribution;
    uint64_t low_us, high_us;
} sim_latency;

/* What happens to a packet on its way; chances are 0 to 1. */
typedef struct sim_network {
    sim_latency latency;
    double loss;
    double duplicate; /* a second copy arrives, with a latency of its own */
    double reorder;   /* it is held back by up to `reorder_by_us` */
    uint64_t reorder_by_us;
    size_t max_packet; /* bytes; larger ones are lost. 0: no limit */
} sim_network;

typedef struct sim_counts {
    uint64_t events;
    uint64_t packets, bytes;  /* sent */
    uint64_t delivered, lost; /* lost: by chance, too large, cut, nobody there,
                                 no memory */
    uint64_t duplicated, reordered;
} sim_counts;

/* NULL: no memory. `network` is copied. */
sim *sim_new(uint64_t seed, const sim_network *network);
/* Frees all, nodes too: no callback is called. NULL is fine. */
void sim_free(sim *net);
void sim_set_network(sim *net, const sim_network *network);
sim_network sim_get_network(const sim *net);
uint64_t sim_now(const sim *net);
sim_counts sim_get_counts(const sim *net);
/* Of everything that happened so far: who, when, which bytes. */
uint64_t sim_trace(const sim *net);
/* A number from the simulation's seed: 64 random bits. */
uint64_t sim_random(sim *net);

/* Takes the next event, if it is not later than `until_us`: true. Else the
 * clock is set to `until_us`: false. Not from inside a callback. */
bool sim_step(sim *net, uint64_t until_us);

/* Calls `fn(context)` at `at_us` (or now, if that has passed). false: no
 * memory. */
typedef void sim_fn(void *context);
bool sim_at(sim *net, uint64_t at_us, sim_fn *fn, void *context);

/* ---- Nodes ---- */

typedef struct sim_callbacks {
    void *context;
    /* As in src/host/host.h. */
    void (*on_notify)(void *context, const shoal_effect *effect);
    int (*identity_at)(void *context, const char *endpoint, uint8_t *out,
                       size_t *size);
    void (*on_closed)(void *context);
} sim_callbacks;

enum { SIM_MAX_ADDRESS = 64 /* bytes, with the NUL */ };

/* A node at `address` ("10.0.0.1:7946"), where packets for that endpoint go
 * from now on; NULL: one that nobody has. NULL and `*problem` (static) when
 * somebody is there already, it is too long, or there is no memory. */
sim_node *sim_open(sim *net, const char *address,
                   const sim_callbacks *callbacks, const char **problem);
const char *sim_address(const sim_node *node);
/* Numbers nodes from 0 in the order of sim_open(). */
uint32_t sim_number(const sim_node *node);
/* Makes the engine. 0 or a shoal_error, with `*detail` as in shoal_new(). */
int sim_start(sim_node *node, const shoal_options *options,
              const char **detail);
/* Sends what waits, then it is gone. Inside a callback of the node: after it
 * has returned. */
void sim_close(sim_node *node);
/* It is gone at once, with all that waits; on_closed is called. Not inside a
 * callback of this node. */
void sim_crash(sim_node *node);

/* NULL before sim_start(). */
shoal *sim_engine(sim_node *node);
/* The node's own clock, for entry points: sim_now() and its steps. */
uint64_t sim_node_now(const sim_node *node);
/* After an entry point that was not called by the simulation. */
void sim_wake(sim_node *node);
/* Announces to `endpoint`, now and, while it knows no active member, again with
 * backoff: 1 s, then 2, 4, ... 30 s. 0, NOMEM, or what identity_at answered. */
int sim_join(sim_node *node, const char *endpoint);

typedef struct sim_timer sim_timer;
/* As host_timer_new(). On the node's clock: a paused node's timers fire when it
 * goes on. */
sim_timer *sim_timer_new(sim_node *node, uint64_t after_us, uint64_t repeat_us,
                         sim_fn *fn, void *context);
void sim_timer_cancel(sim_timer *timer);

typedef struct sim_traffic {
    uint64_t packets_sent, bytes_sent, packets_received;
} sim_traffic;
sim_traffic sim_node_traffic(const sim_node *node);

/* ---- Faults ---- */

/* A paused node does nothing; what arrives is kept, and is handled at once when
 * it goes on, before its timers (as after SIGSTOP). At most SIM_MAX_INBOX
 * packets are kept, as a socket would. */
enum { SIM_MAX_INBOX = 4096 };
void sim_pause(sim_node *node);
void sim_resume(sim_node *node);
bool sim_is_paused(const sim_node *node);
/* It handles each packet that much later than it arrives (0: not slow). */
void sim_set_slowness(sim_node *node, uint64_t delay_us);
/* Moves its clock; back too, which the engine must bear. */
void sim_step_clock(sim_node *node, int64_t by_us);

/* A cut loses packets from some nodes to others. */
typedef struct sim_cut sim_cut;
/* Packets from a node of `from` to one of `to` are lost with chance `loss`. The
 * lists are copied. One-way; make two for both. NULL: no memory. */
sim_cut *sim_cut_new(sim *net, sim_node *const from[], size_t num_from,
                     sim_node *const to[], size_t num_to, double loss);
/* Heals it. NULL is fine. */
void sim_cut_free(sim *net, sim_cut *cut);

#endif
