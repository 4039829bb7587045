/* SPDX-License-Identifier: MIT */
/* The requests that a simulated member makes: what net:on_http() answers. */
#ifndef SHOAL_SCRIPT_SIM_SIM_HTTP_H
#define SHOAL_SCRIPT_SIM_SIM_HTTP_H

#include "../../host/act/http.h"
#include "../../sim/sim.h"
#include "mocks.h"

struct sim_http;

/* As those of host/act/http.h; the list is that of the member. */
struct sim_http *sim_http_new(sim_node *node, struct sim_http **list,
                              struct mocks *mocks,
                              const host_http_request *request,
                              host_http_fn *fn, void *context,
                              struct error *error);
void sim_http_end(struct sim_http *http);
/* The member is gone, and with it its timers. */
void sim_http_forget_all(struct sim_http **list);

#endif
