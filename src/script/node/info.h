/* SPDX-License-Identifier: MIT */
/* What a node tells of itself: node:info() and node:stats(). */
#ifndef SHOAL_SCRIPT_NODE_INFO_H
#define SHOAL_SCRIPT_NODE_INFO_H

#include "node.h"

/* Pushes what `shoal info --json` prints (docs/operating.md). May raise. */
void info_push(lua_State *L, struct node *node);
/* Pushes the counters: the engine's, with host={...} and handlers={...}. May
 * raise. */
void info_push_stats(lua_State *L, struct node *node);

#endif
