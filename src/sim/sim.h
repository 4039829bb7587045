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
 * A *place* is an address, and has a number: 0, 1, 2, ... in the order in which
 * addresses were first used. At a place there is a node or, after it has ended,
 * nobody; the next node there takes the place's number, and gets what is still
 * on its way to the one before.
 *
 * A node goes through the same life as one of src/host/host.h, with the same
 * callbacks: sim_open(), sim_start(), sim_close(). sim_crash() ends it without
 * a word. As there, effects are drained in the simulation's steps, never inside
 * a call of the program's.
 *
 * Functions that make something answer NULL or false when there is no memory;
 * a packet for which there is none is lost, and counted.
 *
 * One thread. Times are microseconds of virtual time, which starts at 0.
 */
#ifndef SHOAL_SIM_H
#define SHOAL_SIM_H

#include "../seal/seal.h"
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
    double corrupt;    /* one byte of it, chosen at random, is another one */
    size_t max_packet; /* bytes; larger ones are lost. 0: no limit */
} sim_network;

typedef struct sim_counts {
    uint64_t events;
    uint64_t packets, bytes; /* sent */
    uint64_t delivered;      /* to an engine */
    uint64_t lost;           /* by chance, too large, cut, nobody there, no room
                                where it arrived, no memory */
    uint64_t duplicated, reordered, corrupted;
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

/* ---- Places ---- */

enum { SIM_MAX_ADDRESS = 64 /* bytes, with the NUL */ };

uint32_t sim_num_places(const sim *net);
const char *sim_address(const sim *net, uint32_t place);
/* NULL: nobody is there. */
sim_node *sim_node_at(const sim *net, uint32_t place);

/* ---- Nodes ---- */

typedef struct sim_callbacks {
    void *context;
    /* As in src/host/host.h. */
    void (*on_notify)(void *context, const shoal_effect *effect);
    int (*identity_at)(void *context, const char *endpoint, uint8_t *out,
                       size_t *size);
    void (*on_closed)(void *context);
    /* A packet goes off, whatever becomes of it. For looking on: nothing may be
     * called but queries of the engine. May be NULL. */
    void (*on_send)(void *context, const shoal_effect *effect);
} sim_callbacks;

typedef struct sim_options {
    /* Where packets for that endpoint go from now on ("10.0.0.1:7946"); NULL:
     * an address that nobody ever had. Copied. */
    const char *address;
    /* Of the cluster; NULL: none. Packets between nodes with different labels
     * are dropped where they arrive. Copied. */
    const char *label;
    const struct seal_keys *keys; /* NULL: packets are not sealed; copied */
    uint64_t skew_us;             /* as in ../seal/seal.h */
    sim_callbacks callbacks;      /* copied */
} sim_options;

/* NULL and `*problem` (static) when somebody is there already, the address is
 * too long, or there is no memory. */
sim_node *sim_open(sim *net, const sim_options *options, const char **problem);
uint32_t sim_place(const sim_node *node);
/* Of its callbacks. */
void *sim_context(const sim_node *node);
/* Makes the engine. 0 or a shoal_error, with `*detail` as in shoal_new(). */
int sim_start(sim_node *node, const shoal_options *options,
              const char **detail);
/* Sends what waits, then it is gone. Inside a callback of the node, or a
 * question of its engine that the simulation caused: after it has returned. */
void sim_close(sim_node *node);
/* It is gone with all that waits, and nothing more of it is sent; on_closed is
 * called. Inside a callback or question as above: after it has returned. */
void sim_crash(sim_node *node);

/* NULL before sim_start(). */
shoal *sim_engine(sim_node *node);
/* The node's own clock, for entry points: sim_now() and its steps. */
uint64_t sim_node_now(const sim_node *node);
/* After an entry point that was not called by the simulation. */
void sim_wake(sim_node *node);
/* Carries out at once what waits: before a node is closed. Not inside of
 * on_notify. */
void sim_deliver(sim_node *node);
/* Inside of on_notify, as host_next_event(). */
bool sim_next_event(sim_node *node, shoal_effect *out);
/* Announces to `endpoint` as soon as the simulation goes on, and keeps it as a
 * seed; src/base/seeds.h says when seeds are asked again. Each is taken for an
 * address: there are no names. false: no memory. */
bool sim_join(sim_node *node, const char *endpoint);
/* The i-th of these endpoints, the first joined first; NULL: there are no more.
 */
const char *sim_seed(const sim_node *node, size_t i);

/* As host_depart(). */
int sim_depart(sim_node *node);

/* What unix time it is when a simulation begins: 2026-01-01T00:00:00Z. Added to
 * a node's clock it is the node's wall clock, so that what scripts make of the
 * time is the same in every run. */
#define SIM_EPOCH_US UINT64_C(1767225600000000)
uint64_t sim_node_wall(const sim_node *node);
/* As host_seal(). */
struct seal *sim_seal(sim_node *node);
/* As host_speak(). */
void sim_speak(sim_node *node, shoal_bytes endpoint, const struct seal_key *key,
               uint64_t us);

typedef struct sim_timer sim_timer;
/* As host_timer_new(). On the node's clock: a paused node's timers fire when it
 * goes on. */
sim_timer *sim_timer_new(sim_node *node, uint64_t after_us, uint64_t repeat_us,
                         sim_fn *fn, void *context);
void sim_timer_cancel(sim_timer *timer);

typedef struct sim_traffic {
    uint64_t packets_sent, bytes_sent;
    uint64_t packets_received, bytes_received;
    uint64_t foreign; /* not counted above: of clusters with another label */
    uint64_t foreign_key, unauthentic, replayed, unproven; /* nor these */
    uint64_t nowhere; /* sent to where nobody is */
} sim_traffic;
sim_traffic sim_node_traffic(const sim_node *node);

/* ---- Faults ---- */

/* Packets that wait at a paused or slow node, as in a socket's buffer; what
 * comes beyond it is lost. */
enum { SIM_MAX_WAITING = 4096 };

/* A paused node does nothing; what arrives is kept, and is handled at once when
 * it goes on, before its timers (as after SIGSTOP). */
void sim_pause(sim_node *node);
void sim_resume(sim_node *node);
bool sim_is_paused(const sim_node *node);
/* It takes that long for each packet, one after the other (0: not slow). */
void sim_set_slowness(sim_node *node, uint64_t delay_us);
/* Moves its clock; back too, which the engine must bear, though not to before
 * 0. */
void sim_step_clock(sim_node *node, int64_t by_us);

/* Its wall clock is that much ahead of what it would be; nothing else is. */
void sim_set_wall_clock(sim_node *node, int64_t ahead_us);

/* From now on packets are recorded, as they leave their senders; or no more. */
void sim_wiretap(sim *net, bool records);
/* Sends all of those that were to where they went, once more, now. How many. */
size_t sim_replay(sim *net);

/* A cut loses packets from some places to others, whoever is there. */
typedef struct sim_cut sim_cut;

enum { SIM_REST = UINT32_MAX };

/* Packets from one of the places `from` to one of `to` are lost with chance
 * `loss`. Either list (copied) may be SIM_REST long: then it is of all places,
 * future ones included, that are not in the other one. One-way; make two for
 * both ways. NULL: no memory, or a list names a place that does not exist. */
sim_cut *sim_cut_new(sim *net, const uint32_t *from, uint32_t num_from,
                     const uint32_t *to, uint32_t num_to, double loss);
/* Heals it. NULL is fine. */
void sim_cut_free(sim *net, sim_cut *cut);

/* Two hosts have one address: packets for `place` go to `other` with that
 * chance, until another call says 0. */
void sim_share(sim *net, uint32_t place, uint32_t other, double chance);

/* ---- What is observed ---- */

/* What members said of the one at a place, held against what was so; and what
 * it did itself. */
typedef struct sim_record {
    /* How often one of the others reported it down while it ran: in vain, since
     * it was neither paused nor cut off from that one in either direction; or
     * with reason. */
    uint64_t wrong_downs, excused_downs;
    uint64_t renewals; /* it had to take a new identity */
    uint64_t returns;  /* it refuted that it was down */
    uint64_t ended_us; /* SHOAL_NEVER while it runs */
    /* When others reported it down since then; each once if all is well.
     * Borrowed until the simulation goes on. */
    const uint64_t *noticed_us;
    size_t num_noticed;
    size_t unnoted; /* for which there was no memory */
} sim_record;
sim_record sim_get_record(const sim *net, uint32_t place);

/* From now on notes when a packet that contains `data` (copied) is first
 * handed to the node at each place; `origin` has it already. One at a time: the
 * one before is forgotten. false: no memory. */
bool sim_watch(sim *net, shoal_bytes data, uint32_t origin);
/* SHOAL_NEVER: it did not come. */
uint64_t sim_seen(const sim *net, uint32_t place);
/* In how many packets it came. */
uint64_t sim_copies(const sim *net, uint32_t place);

#endif
