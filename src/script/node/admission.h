/* SPDX-License-Identifier: MIT */
/*
 * Who may be a member, before the script's `admit` is asked.
 *
 *   an identity without a place to send to (a multicast or broadcast address,
 *   port 0; of the stock identity also a name, or an addr of more than
 *   ADMISSION_MAX_ADDR bytes) is no identity
 *   an address outside of the option `allow` is not admitted
 */
#ifndef SHOAL_SCRIPT_NODE_ADMISSION_H
#define SHOAL_SCRIPT_NODE_ADMISSION_H

#include "node.h"

enum { ADMISSION_MAX_ADDR = 64 };

/* The questions of the version, as the node's engine is to ask them. */
shoal_handlers admission_handlers(struct node *node, struct version *version);

/* Logs it if our own address is in none of the networks: nobody who allows the
 * same would talk to us. */
void admission_check_own(struct node *node, const char *addr);
/* A seed there is not asked: 0, or -1 and `error`. Of a name that is known when
 * it is resolved, and logged. */
int admission_check_seed(struct node *node, const char *endpoint,
                         struct error *error);
/* Reads the option `allow` of the table at `index` into the node. Raises. */
void admission_read_allowed(lua_State *L, int index, const char *who,
                            struct node *node);

#endif
