/* SPDX-License-Identifier: MIT */
/* The connections that a simulated member makes: to what net:on_connect()
 * answers. */
#ifndef SHOAL_SCRIPT_SIM_SIM_CONNECTIONS_H
#define SHOAL_SCRIPT_SIM_SIM_CONNECTIONS_H

#include "../../host/act/connection.h"
#include "../../sim/sim.h"
#include "mocks.h"

struct sim_connection;

/* As those of host/connection.h; the list is that of the member. */
struct sim_connection *sim_connection_new(sim_node *node,
                                          struct sim_connection **list,
                                          struct mocks *mocks,
                                          const char *endpoint,
                                          const host_connection_events *events,
                                          struct error *error);
void sim_connection_want(struct sim_connection *connection, bool wanted);
bool sim_connection_write(struct sim_connection *connection, shoal_bytes bytes);
void sim_connection_close(struct sim_connection *connection);
/* The member is gone, and with it its timers. */
void sim_connection_forget_all(struct sim_connection **list);

#endif
