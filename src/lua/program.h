/* SPDX-License-Identifier: MIT */
/*
 * The Lua state of a program that started nodes: which of its threads runs now,
 * and which nodes are its own.
 *
 * There is one per state, kept in its registry. When the state is closed, its
 * nodes are closed with it, without a word to its handlers. A simulation has
 * one of its own, for its members.
 */
#ifndef SHOAL_LUA_PROGRAM_H
#define SHOAL_LUA_PROGRAM_H

#include "../base/log.h"
#include "failure_log.h"
#include "protected_call.h"

#include <lua.h>

/* A node as its program sees it; the first part of struct node. */
struct program_node {
    struct program_node *next, **place; /* in the list of the program */
    /* The program's functions are called on that thread from now on. */
    void (*use_thread)(struct program_node *node, lua_State *L);
    /* The state is going: closes at once, calling nobody, and removes it. */
    void (*abandon)(struct program_node *node);
};

struct program {
    /* Where to call handlers: the thread that runs the loop, or the state's
     * main one (or one made for it) while nothing of the state runs. */
    lua_State *L;
    int idle;                   /* reference of the thread while nothing runs */
    struct program_node *nodes; /* open ones */
    bool stopped;               /* shoal.stop() was called */
    /* For what belongs to no node: signals, the control socket. */
    protected_caller caller;
    protected_counts counts;
    struct log log; /* as that of the node started last */
    struct failure_log failure_log;
};

/* For nodes that are not run by the state's loop. May raise. */
void program_init(struct program *program, lua_State *L);
/* Gives back what it took; its nodes are gone. */
void program_clear(struct program *program, lua_State *L);

/* CLOCK_MONOTONIC: when something that belongs to no node was logged. */
uint64_t program_now_us(void);

/* The one of this state; made when there is none. May raise. */
struct program *program_of(lua_State *L);

/* A node that is open now, and one that is not any more. */
void program_add(struct program *program, struct program_node *node);
void program_remove(struct program_node *node);

/* Handlers are called on `L` from now on, until program_leave() with the
 * answer. Nothing between the two may raise. */
lua_State *program_enter(struct program *program, lua_State *L);
void program_leave(struct program *program, lua_State *before);

#endif
