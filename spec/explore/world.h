/* SPDX-License-Identifier: MIT */
/*
 * A simulated cluster that lives through a plan, with somebody who watches it.
 *
 *   world.c   members start, end, and are looked at
 *   faults.c  what the plan does to them
 *   watch.c   what must hold of a member at any time
 *   bound.c   how long a cluster may take to agree
 *   run.c     a plan from its beginning to its end
 */
#ifndef SPEC_EXPLORE_WORLD_H
#define SPEC_EXPLORE_WORLD_H

#include "plan.h"

enum { MAX_ITEMS = 1024, NUM_TOPICS = 4, MAX_FAILURE = 400 };

/* What one member has said of another, or is known to believe. */
struct belief {
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t size; /* 0: nothing */
    uint16_t incarnation;
    uint8_t state;
};

struct watched {
    struct world *world;
    uint32_t place;
    sim_node *node; /* NULL: it does not run */
    uint32_t life;  /* how many lived there before */
    uint64_t since_us;
    bool touched;  /* since it was looked at last */
    bool retired;  /* it left, and will come back */
    bool set_back; /* its clock was, once */
    bool gone;     /* it ended and will not come back */
    bool defunct;  /* it was, and had sent so many probes */
    uint64_t num_probes;
    size_t num_known;
    size_t most; /* members and backlog, at any time of its life */
    struct belief self;
    struct belief told[PLAN_MAX_MEMBERS];  /* up, as notified */
    struct belief known[PLAN_MAX_MEMBERS]; /* when it was looked at */
    bool has_item[MAX_ITEMS];
    uint32_t newest[NUM_TOPICS]; /* number + 1; 0: none */
};

struct world {
    const struct plan *plan;
    sim *net;
    struct rng rng; /* whom to look at; nothing in the run hangs on it */
    struct watched members[PLAN_MAX_MEMBERS];
    sim_cut *cuts[PLAN_MAX_FAULTS][2];
    uint32_t num_items, num_calm_items;
    bool calm; /* nothing happens: nobody may be reported down ... */
    struct watched *leaver; /* ... but who said that it leaves; or NULL */
    uint64_t clocks_back_us, slowest_us;
    char failure[MAX_FAILURE]; /* the first; empty: none */
    uint64_t failed_us;
    uint64_t agreed_after_us; /* after the last fault; for the curious */
    uint64_t bound_us;
    uint64_t most_memory; /* of one engine, likewise */
};

/* "<what was broken>: <details>". Only the first is kept. */
__attribute__((format(printf, 2, 3))) void world_fail(struct world *world,
                                                      const char *format, ...);
static inline bool world_has_failed(const struct world *world)
{
    return world->failure[0] != '\0';
}

/* false: no memory. */
bool world_init(struct world *world, const struct plan *plan);
void world_clear(struct world *world);
/* A process that was never there before, at that place. */
void world_start(struct world *world, uint32_t place);
/* Whoever `addr` belongs to. */
uint32_t world_place(shoal_bytes addr);
/* Lets pass what happens at this very moment, so that every effect of a call is
 * drained, and looks at whoever it touched. */
void world_settle(struct world *world);
/* It says goodbye and ends. */
void world_leave(struct watched *member);
/* One event, and a look at whoever it touched. false: none until then. */
bool world_step(struct world *world, uint64_t until_us);

/* Queues an item at `member`; the number, or MAX_ITEMS: it was refused. */
uint32_t world_broadcast(struct world *world, struct watched *member);

/* ---- faults.c ---- */
void fault_begin(struct world *world, uint32_t number);
void fault_end(struct world *world, uint32_t number);
/* What faults leave behind is undone: everybody who was to come back is there,
 * and has the plan's config. */
void fault_end_all(struct world *world);

/* ---- watch.c ---- */
void watch_begin(struct watched *member);
void watch_notify(struct watched *member, const shoal_effect *effect);
void watch_look(struct watched *member);
/* That nothing is due before its deadline. */
void watch_wake(struct watched *member);
/* Does everybody who runs see all the others, as they are, and nobody else?
 * Else says who does not, in `why` (MAX_FAILURE bytes). */
bool watch_agree(struct world *world, char *why);

/* ---- bound.c ---- */
/* What was one cluster finds together again, before anybody is probed. */
uint64_t bound_meeting(const struct plan *plan);
/* Until nothing goes on that was begun before the calm. */
uint64_t bound_settling(const struct world *world);
uint64_t bound_agreement(const struct world *world);
uint64_t bound_dissemination(const struct world *world);

/* ---- run.c ---- */
/* false: it failed, see world->failure. */
bool run_plan(struct world *world, const struct plan *plan);

#endif
