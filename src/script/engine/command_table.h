/* SPDX-License-Identifier: MIT */
/*
 * The field `commands` of a table of handlers:
 *
 *     drain = {
 *       help = "...",
 *       args = { "host", { "seconds", type = "number", default = 30 } },
 *       run = function(node, args) return value end,
 *     }
 */
#ifndef SHOAL_SCRIPT_ENGINE_COMMAND_TABLE_H
#define SHOAL_SCRIPT_ENGINE_COMMAND_TABLE_H

#include <lua.h>

/* Raises "<who>: ..." unless the table at `index` is one of commands. */
void command_table_check(lua_State *L, int index, const char *who);
/* Pushes a list of what it has, by name: { { name=, help=, args={ { name=,
 * type=, default=, optional=, help= } } } }. May raise. */
void command_table_push_list(lua_State *L, int index);
/* What the command on top of the stack is called with:
 * STACK: given, command -> args | nil, message. May raise. */
int command_table_take(lua_State *L);
/* Pushes a function (node, args, run, begin, done), which calls done() with
 * what run(node, args) returns. It may yield. May raise. */
void command_table_push_body(lua_State *L);
/* The same for a page: done({ status=, body=, headers= }). */
void command_table_push_page_body(lua_State *L);
/* Raises "<who>: ..." unless the table at `index` is one of pages: { ["/path"]
 * = function }. */
void command_table_check_pages(lua_State *L, int index, const char *who);

#endif
