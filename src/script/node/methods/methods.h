/* SPDX-License-Identifier: MIT */
/*
 * The node's object in Lua: one metatable for every state that has it.
 *
 *   methods.c        the object, its checks, node.store, what a scope sets up
 *   common.c         what an engine has, too: gossip, leave, members, ...
 *                    (src/script/engine)
 *   methods_enter.c  how those use a node; announce and join
 *   methods_query.c  what else can be asked: info, ...
 *   methods_life.c   reload, set_handlers, close
 *   methods_act.c    spawn: what goes on while the node does
 *   methods_keys.c   keys, add_key, use_key, remove_key
 *   methods_loop.c   fd, timeout: for loops other than libev's
 */
#ifndef SHOAL_SCRIPT_NODE_METHODS_METHODS_H
#define SHOAL_SCRIPT_NODE_METHODS_METHODS_H

#include "../../../lua/compat.h"
#include "../../engine/common.h"
#include "../node.h"

/* Pushes an object without a node. May raise. */
void methods_push_object(lua_State *L);
/* The object on top of the stack holds that node from now on, for the scope of
 * its state. Does not raise. */
void methods_give_node(lua_State *L, struct node *node, struct scope *scope);
/* Both: an object of the scope's node. */
scope_push_fn methods_push_for;

/* Adds `methods`, the table of a node's methods, to the table on top: what must
 * yield in a way that only Lua can is added in Lua (lua/shoal/wait.lua). */
void methods_register(lua_State *L);

extern const luaL_Reg methods_enter[], methods_query[], methods_life[],
    methods_loop[], methods_act[], methods_keys[];
extern const struct common_kind methods_kind; /* in methods_enter.c */

/* ---- For the methods; the object is the first argument ---- */

/* The node, whatever has become of it. */
struct node *methods_check(lua_State *L);
/* The node; raises unless it can be used. */
struct node *methods_check_open(lua_State *L);
/* The same for a method ("node:join") that a version must not call while it
 * loads. */
struct node *methods_check_sending(lua_State *L, const char *method);
/* Of the state that has the object. */
struct scope *methods_scope(lua_State *L);
/* The one whose code calls; raises unless the node can be used. */
struct scope *methods_check_scope(lua_State *L);

/* Of the code that calls. */
struct scope *methods_caller(lua_State *L);

/* Is a method of the node (NULL: of any) on the stack, below the one that runs?
 * One that steps the loop or changes the handlers does not count: what happens
 * inside of it may end the node. */
bool methods_are_running(lua_State *L, const void *object);

/* nil, message, "reentrant". */
int methods_refuse_inside(lua_State *L);

#endif
