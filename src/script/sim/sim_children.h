/* SPDX-License-Identifier: MIT */
/* The programs that a simulated member runs: what net:on_spawn() answers. */
#ifndef SHOAL_SCRIPT_SIM_SIM_CHILDREN_H
#define SHOAL_SCRIPT_SIM_SIM_CHILDREN_H

#include "../../host/act/child.h"
#include "../../sim/sim.h"
#include "mocks.h"

struct sim_child;

/* As host_child_new(), host_child_end() and the end of the node; the list is
 * that of the member, which is at that place. */
struct sim_child *sim_child_new(sim_node *node, struct sim_child **list,
                                struct mocks *mocks,
                                const host_child_request *request,
                                host_child_fn *fn, void *context,
                                struct error *error);
void sim_child_end(struct sim_child *child);
/* The member is gone, and with it its timers. */
void sim_child_forget_all(struct sim_child **list);

#endif
