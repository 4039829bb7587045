/* SPDX-License-Identifier: MIT */
/*
 * node:connect(endpoint, timeout): a connection that coroutines read from and
 * write to. It is closed with the scope that made it, or when nobody refers to
 * it any more.
 */
#ifndef SHOAL_SCRIPT_NODE_ACT_CONNECTION_H
#define SHOAL_SCRIPT_NODE_ACT_CONNECTION_H

#include "../../reload/scope.h"

/* STACK: node endpoint [timeout] -> connection | nil, message, code. Yields.
 * May raise. */
int connection_make(lua_State *L, struct scope *scope);
#endif
