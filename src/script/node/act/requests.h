/* SPDX-License-Identifier: MIT */
/* node:http{ url=, ... }: requests by HTTP. */
#ifndef SHOAL_SCRIPT_NODE_ACT_REQUESTS_H
#define SHOAL_SCRIPT_NODE_ACT_REQUESTS_H

#include "../../reload/scope.h"

enum { REQUESTS_MAX = 256 /* of a node at a time */ };

/* STACK: node options [fn] -> pending | nil, message, code; without a function
 * what node:http() answers in a coroutine. May raise. */
int requests_begin(lua_State *L, struct scope *scope);

#endif
