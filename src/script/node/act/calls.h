/* SPDX-License-Identifier: MIT */
/*
 * node:call(name, args, fn): a command of the handlers in charge (their field
 * `commands`), whoever calls it.
 *
 *     call     the caller's: what it asked for, and who is told
 *     run      a coroutine of the version that was in charge when it began
 *
 * It begins in the next turn of the loop, so it never runs below its caller. If
 * the version ends before it has answered, the caller is told so; if the caller
 * ends, the command goes on and nobody is told. What goes in and out is copied
 * as MessagePack, since the two may be in different states.
 */
#ifndef SHOAL_SCRIPT_NODE_ACT_CALLS_H
#define SHOAL_SCRIPT_NODE_ACT_CALLS_H

#include "../../reload/scope.h"

enum { CALLS_MAX = 64 /* of a node at a time */ };

/* STACK: node name [args] [fn] -> pending | nil, message, code; without a
 * function: what the command answers, in a coroutine. May raise. */
int calls_begin(lua_State *L, struct scope *scope);
/* The same of a page (their field `http`), whose answer is { status=, body=,
 * headers= }. */
int calls_begin_page(lua_State *L, struct scope *scope);
/* Pushes the list of command_table.h. May raise. */
int calls_push_list(lua_State *L, struct scope *scope);

#endif
