/* SPDX-License-Identifier: MIT */
/* The arguments of node:spawn(), as the host wants them. */
#ifndef SHOAL_SCRIPT_NODE_ACT_CHILDREN_REQUEST_H
#define SHOAL_SCRIPT_NODE_ACT_CHILDREN_REQUEST_H

#include "../../../host/act/child.h"

#include <lua.h>

/* Reads argv at 2 and options at 3 (a table or nil), and pushes a table that
 * keeps what is borrowed. Raises for misuse. */
void children_read_request(lua_State *L, host_child_request *request);

#endif
