/* SPDX-License-Identifier: MIT */
/*
 * The node's backend over a simulated network (src/sim). A script that runs on
 * it sees the virtual clock and nothing else of the difference: there are no
 * files to watch, names are not resolved, and an address is what a node says it
 * is bound to.
 */
#ifndef SHOAL_SCRIPT_SIM_BACKEND_SIM_H
#define SHOAL_SCRIPT_SIM_BACKEND_SIM_H

#include "../../base/error.h"
#include "../../sim/sim.h"
#include "../node/backend.h"

struct mocks;

/* `options->bind` NULL: an address that nobody has had. Else an IP address and
 * a port. NULL and `error` on failure. `mocks` is borrowed for life. */
struct backend *backend_sim_open(sim *net, struct mocks *mocks,
                                 const host_options *options,
                                 struct error *error);
/* The node there that backend_sim_open() opened (the context of its callbacks);
 * NULL: nobody is there. */
struct node *backend_sim_node(const sim *net, uint32_t place);
/* From now on closing the backend is a crash: nothing is sent. */
void backend_sim_will_crash(struct backend *backend);
uint32_t backend_sim_place(const struct backend *backend);

#endif
