/* SPDX-License-Identifier: MIT */
/*
 * A simulated network as a Lua object (core.simulation{...}), on which
 * lua/shoal/sim.lua stands. Its members are nodes like any other, in a world of
 * their own; it tells them by the number of their place (src/sim/sim.h).
 *
 *   simulation.c         its life, its members, its clock
 *   simulation_network.c what packets go through: options, cuts
 *   simulation_faults.c  what befalls members
 *   simulation_views.c   what can be seen from outside
 *   simulation_mocks.c   what plays the rest of the world: mocks.c
 *   script_globals.c     what scripts see of it
 *
 * A simulation lives until it is closed, as a node does, or with its state.
 */
#ifndef SHOAL_SCRIPT_SIM_SIMULATION_H
#define SHOAL_SCRIPT_SIM_SIMULATION_H

#include "../../lua/compat.h"
#include "../../lua/program.h"
#include "../../sim/sim.h"
#include "../node/backend.h"
#include "mocks.h"

enum { SIMULATION_MAX_FAILURE = 4096 };

struct simulation {
    struct world world;   /* first: a world of this kind is a simulation */
    sim *net;             /* NULL: closed */
    struct program owner; /* of its members */
    struct mocks mocks;
    int self; /* reference that keeps it; REFS_NONE: closed */
    bool running;
    struct simulation_call *calls; /* that are to come */
    sim_cut **cuts;                /* by number; NULL: healed */
    size_t num_cuts;
    uint32_t doubter; /* place that last disagreed: the first to be asked */
    /* What a function of the program's raised while it ran; "": nothing. */
    char failure[SIMULATION_MAX_FAILURE];
};

/* The one at 1; raises when it is closed. */
struct simulation *simulation_check(lua_State *L);
/* The number of a place at `arg`. */
uint32_t simulation_check_place(lua_State *L, int arg,
                                const struct simulation *s);
/* The node there; raises when there is none. */
sim_node *simulation_check_node(lua_State *L, int arg,
                                const struct simulation *s);

/* Reads what there is of a network in the options table at `index` over
 * `*network`. Raises for misuse, with `who` in front. */
void simulation_read_network(lua_State *L, int index, const char *who,
                             sim_network *network);
void simulation_free_cuts(struct simulation *s);

extern const luaL_Reg simulation_network[], simulation_faults[],
    simulation_views[], simulation_mocks[];

/* Makes a script's state see the virtual clock: os.time(), os.date(),
 * os.clock(); the seed: math.random(); and tables in an order of their own:
 * pairs(). May raise. */
void script_globals_put(struct simulation *s, struct node *node, lua_State *L);

/* Adds simulation() to the table on top of the stack. */
void simulation_register(lua_State *L);

#endif
