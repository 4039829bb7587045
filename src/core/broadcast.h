/* SPDX-License-Identifier: MIT */
/* Custom broadcasts. */
#ifndef SHOAL_CORE_BROADCAST_H
#define SHOAL_CORE_BROADCAST_H

#include "table/members.h"

/* It is the periodic gossip's turn, and nothing but items waits. */
void broadcast_turn(shoal *engine);
/* Hands each item of a checked list to the handler. 0 or NOMEM. */
int broadcast_receive(shoal *engine, shoal_bytes items, shoal_bytes sender);

#endif
