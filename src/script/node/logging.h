/* SPDX-License-Identifier: MIT */
/*
 * A node's log as Lua sees it: the `log` option of shoal.start(), and
 * node:log().
 */
#ifndef SHOAL_SCRIPT_NODE_LOGGING_H
#define SHOAL_SCRIPT_NODE_LOGGING_H

#include "node.h"

/* Reads the option `log` of the table at `index`:
 *   nothing                   levels from $SHOAL_LOG, else "warn"
 *   "info,engine=debug"       levels
 *   { levels=, format= }      both
 *   { levels=, write= }       levels, and a function that gets the lines
 *   a function                that
 *   false                     silence
 * Pushes the function and true; false: there is none. Raises for misuse, with
 * `who` in front. */
bool logging_read(lua_State *L, int index, const char *who, struct log *log);

/* STACK: node level text [fields] -> (nothing). May raise. */
int logging_write(lua_State *L, struct node *node);

/* STACK: node [levels] -> the levels, after that. Raises for misuse. */
int logging_levels(lua_State *L, struct node *node);

#endif
