/* SPDX-License-Identifier: MIT */
/* The node's object in Lua: one metatable for every state that has it. */
#ifndef SHOAL_SCRIPT_METHODS_H
#define SHOAL_SCRIPT_METHODS_H

#include "node.h"

/* Pushes an object of the node for the tenant's state; it holds the node. May
 * raise. */
void methods_push_object(lua_State *L, struct node *node,
                         struct tenant *tenant);

#endif
