/* SPDX-License-Identifier: MIT */
/* node:io(fd, "r"|"w", fn): descriptors of the program's, watched in the node's
 * loop. */
#ifndef SHOAL_SCRIPT_NODE_ACT_WATCHES_H
#define SHOAL_SCRIPT_NODE_ACT_WATCHES_H

#include "../../reload/scope.h"

/* STACK: node fd mode fn -> pending | nil, message, code. May raise. */
int watches_push(lua_State *L, struct scope *scope);

#endif
