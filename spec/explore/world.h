/* SPDX-License-Identifier: MIT */
/*
 * A simulated cluster that lives through a plan, and what must hold of it.
 *
 *   world.c    members start, end, and are looked at
 *   idents.c   identities and addresses that are known
 *   items.c    what members broadcast
 *   topics.c   what they publish
 *   tags.c     what they say of themselves
 *   faults.c   what the plan does to them
 *   forge.c    false beliefs and forged packets
 *   watch.c    what must hold of what a member says and does
 *   beliefs.c  what must hold of what a member believes
 *   reach.c    who could reach whom, and who says all the same that it is down
 *   agree.c    do all see all?
 *   bound.c    how long a cluster may take to agree
 *   calm.c     what must hold when the faults are over
 *   run.c      a plan from its beginning to its end
 */
#ifndef SPEC_EXPLORE_WORLD_H
#define SPEC_EXPLORE_WORLD_H

#include "idents.h"
#include "plan.h"

enum {
    MAX_ITEMS = 1024,
    NUM_TOPICS = 4,
    MAX_MET = 8192,   /* a table of so many is compared at once */
    TAGS_MOST = 4000, /* bytes */
    MAX_FAILURE = 400,
    MAX_TWINS = 2,
    MAX_WATCHED = PLAN_MAX_MEMBERS + MAX_TWINS,
    NUM_BUCKETS = 8 /* of a digest, docs/wire.md */
};

/* What a member believed of an address when it was looked at last. */
struct belief {
    struct ident *ident; /* NULL: nothing */
    uint16_t incarnation;
    uint8_t state;
    bool doubted;  /* it may be taken back */
    uint32_t look; /* number of that look */
};

/* What is to be heard next of what a member publishes. */
struct followed {
    struct ident *origin; /* NULL: of whoever it is then, anything */
    uint64_t next;
};

struct watched {
    struct world *world;
    uint32_t number; /* in world->members, and of its place in the simulation */
    uint32_t place;  /* whose address it has: its own number, but for twins */
    sim_node *node;  /* NULL: it does not run */
    uint32_t life;   /* how many ran there before */
    uint64_t since_us, ended_us;
    bool touched;  /* since it was looked at last */
    bool retired;  /* it left, and will come back */
    bool set_back; /* its clock was, once */
    bool gone;     /* it ended and will not come back */
    bool defunct;  /* it was, and had sent so many probes */
    bool doubts;   /* it was declared down: it doubts what it believed */
    uint64_t num_probes;
    uint64_t window_us; /* the period in which it has sent ... */
    uint32_t window;    /* ... so many packets */
    size_t num_known;
    size_t most;   /* members and backlog, at any time of its life */
    uint64_t bump; /* with which it started */
    struct ident *self;
    uint16_t incarnation;
    uint32_t looks;
    struct ident *told[MAX_PLACES]; /* up, as notified */
    bool buried[PLAN_MAX_MEMBERS];  /* reported down after its process ended */
    uint64_t up_us[PLAN_MAX_MEMBERS], down_us[PLAN_MAX_MEMBERS]; /* reported */
    struct belief known[MAX_PLACES];
    struct ident *met[MAX_MET]; /* in the order of its table, last time */
    bool has_item[MAX_ITEMS];
    uint32_t published; /* by itself */
    struct followed followed[PLAN_MAX_MEMBERS];
    uint32_t newest[NUM_TOPICS]; /* number + 1; 0: none */
};

/* Who could reach whom, and until when not. */
struct reach {
    uint64_t changed_us;                 /* when a fault began or ended last */
    uint64_t sends_to[PLAN_MAX_MEMBERS]; /* masks: what arrives there */
    uint64_t until_us[PLAN_MAX_MEMBERS][PLAN_MAX_MEMBERS];
};

struct world {
    const struct plan *plan;
    sim *net;
    struct rng rng; /* whom to look at; nothing in the run depends on it */
    struct idents idents;
    struct watched members[MAX_WATCHED]; /* twins come last */
    sim_cut *cuts[PLAN_MAX_FAULTS][2];
    struct watched *twins[PLAN_MAX_FAULTS];
    struct reach reach;
    uint32_t num_items, num_calm_items;
    bool publishes; /* members publish something */
    struct rng topics_rng;
    bool says;           /* members say something of themselves ... */
    uint32_t num_said;   /* ... and so often have all of them */
    struct rng tags_rng; /* who, and what */
    bool is_honest;      /* plan_is_honest() */
    const struct watched *mistaken; /* is being made to believe something */
    bool calm; /* nothing happens: nobody may be reported down ... */
    struct watched *leaver; /* ... but who said that it leaves; or NULL */
    uint64_t missed_us; /* when somebody was told last that it missed something;
                           0: never */
    bool compares;      /* digests must be equal: the first ones */
    bool has_digest;
    shoal_digest digest;
    uint64_t clocks_back_us, slowest_us;
    uint64_t renewals;         /* of all */
    char failure[MAX_FAILURE]; /* the first; empty: none */
    char last[MAX_FAILURE];    /* who was the last one to agree, with whom */
    uint64_t failed_us;
    uint64_t start_us;        /* when the faults may begin */
    uint64_t quiet_us;        /* when they were over; 0: not yet */
    uint64_t agreed_after_us; /* after the last fault; for the curious */
    uint64_t bound_us;
    uint64_t most_memory; /* of one engine, likewise */
    uint32_t busiest;     /* packets of a member within a period */
};

/* "<what was broken>: <details>". Only the first is kept. */
__attribute__((format(printf, 2, 3))) void world_fail(struct world *world,
                                                      const char *format, ...);
static inline bool world_has_failed(const struct world *world)
{
    return world->failure[0] != '\0';
}

enum { WORLD_MAX_ADDRESS = 16 };
/* "m00:1", "10.0.0.1:1", "m02:1", ...; of nobody: "g00:1", "10.0.1.1:1", ... */
void world_address(const struct world *world, uint32_t place,
                   char out[WORLD_MAX_ADDRESS]);
/* The process that has that address, and gets its packets; NULL: nobody. */
static inline struct watched *world_owner(struct world *world, uint32_t place)
{
    return place < world->plan->num_members ? &world->members[place] : NULL;
}
static inline bool world_runs(struct world *world, uint32_t place)
{
    const struct watched *owner = world_owner(world, place);
    return owner && owner->node;
}

/* false: no memory. */
bool world_init(struct world *world, const struct plan *plan);
void world_clear(struct world *world);
/* A process that was never there before, at that place, with a clock that is
 * that far ahead. */
void world_start(struct world *world, uint32_t number, int64_t clock_us);
/* A second one that has the address of `place`. NULL: there are enough. */
struct watched *world_start_twin(struct world *world, uint32_t place,
                                 int64_t clock_us);
/* Lets pass what happens at this very moment, so that every effect of a call is
 * drained, and looks at the members it touched. */
void world_settle(struct world *world);
/* It says goodbye and ends. */
void world_leave(struct watched *member);
void world_crash(struct watched *member);
/* One event, and a look at the members it touched. false: none until then. */
bool world_step(struct world *world, uint64_t until_us);
void world_live_until(struct world *world, uint64_t until_us);

/* ---- items.c ---- */
/* The broadcast handler; `context` is the member. */
int items_receive(void *context, shoal_bytes data, shoal_bytes sender,
                  shoal_bytes *key);
/* Queues an item at `member`; the number, or MAX_ITEMS: it was refused. */
uint32_t items_broadcast(struct world *world, struct watched *member);

/* ---- tags.c ---- */
/* Perhaps somebody says something new. */
void tags_stir(struct world *world);
/* The handler; `context` is the member. */
int tags_check(void *context, const shoal_member *about, shoal_bytes tags);
/* What `member` believes of an identity. */
void tags_look(struct watched *member, const struct ident *ident,
               const shoal_member *seen);
/* Does everybody know the last of what each has said? Else who does not. */
bool tags_agree(struct world *world, uint32_t *who, uint32_t *about);

/* ---- topics.c ---- */
/* Perhaps somebody publishes. */
void topics_stir(struct world *world);
void topics_hear(struct watched *member, const shoal_effect *effect);
/* Everybody does, and everybody has heard the last of each. */
void topics_expect_all(struct world *world);

/* ---- faults.c ---- */
void fault_begin(struct world *world, uint32_t number);
void fault_end(struct world *world, uint32_t number);
/* What faults leave behind is undone: everybody who was to come back is there,
 * and has the plan's config. */
void fault_end_all(struct world *world);

/* ---- forge.c ---- */
void forge_table(struct watched *member, uint64_t seed);
void forge_packets(struct watched *member, uint64_t seed);
/* It takes those members for down, and does not gossip that. */
void forge_mistake(struct watched *member, uint64_t others);

/* ---- watch.c ---- */
void watch_begin(struct watched *member);
void watch_notify(struct watched *member, const shoal_effect *effect);
void watch_send(struct watched *member, const shoal_effect *effect);
/* Who it is; before watch_look() of anybody. */
void watch_self(struct watched *member);
void watch_look(struct watched *member);
/* That nothing is due before its deadline. */
void watch_wake(struct watched *member);

/* ---- beliefs.c ---- */
void beliefs_look(struct watched *member);

/* ---- reach.c ---- */
/* A fault began or ended. */
void reach_update(struct world *world);
/* `member` says that the one at `place` is down, or up. */
void reach_hear_down(struct watched *member, uint32_t place,
                     const struct ident *ident);
void reach_hear_up(struct watched *member, uint32_t place);

/* ---- agree.c ---- */
/* Does everybody who runs see all the others, as they are, and nobody else?
 * Else says who does not, in `why` (MAX_FAILURE bytes). */
bool agree_all(struct world *world, char *why);
/* Parts that neither remember each other nor share a seed that runs are no
 * cluster: somebody joins them. */
void agree_introduce(struct world *world);

/* ---- bound.c ---- */
/* What was one cluster finds together again, before anybody is probed. */
uint64_t bound_meeting(struct world *world);
/* Until nothing goes on that was begun before the calm. */
uint64_t bound_settling(const struct world *world);
uint64_t bound_agreement(struct world *world);
uint64_t bound_dissemination(const struct world *world);
/* Until what was decided has been said. */
uint64_t bound_gossip(const struct plan *plan);
/* Until nothing about a member that has ended is on its way any more. */
uint64_t bound_flight(const struct plan *plan);

/* ---- calm.c ---- */
/* All that is known of the cluster comes to be so within the bound. */
void calm_expect_agreement(struct world *world);
void calm_expect_tags(struct world *world);
/* And stays so, with no word more than it takes. */
void calm_expect_peace(struct world *world);
void calm_expect_broadcasts(struct world *world);
void calm_expect_farewell(struct world *world);

/* ---- run.c ---- */
/* false: it failed, see world->failure. */
bool run_plan(struct world *world, const struct plan *plan);

#endif
