/* SPDX-License-Identifier: MIT */
/*
 * The userdata behind a shoal.core engine, shared by the files that make up its
 * methods:
 *   object.c        its checks
 *   engine.c        new, close, handlers
 *   common.c        the methods that a node has, too
 *   entry_points.c  other entry points
 *   queries.c       what else can be asked about it
 *   effects.c       effects taken out
 *   memory.c        its allocator
 */
#ifndef SHOAL_SCRIPT_ENGINE_OBJECT_H
#define SHOAL_SCRIPT_ENGINE_OBJECT_H

#include "../../lua/compat.h"
#include "../../lua/protected_call.h"
#include "../../shoal.h"
#include "common.h"

#include <lua.h>

#define OBJECT_NAME "shoal.core.engine"

/* What the uservalue keeps. */
enum { OBJECT_QUESTIONS = 1, OBJECT_SENDS, OBJECT_NOTIFIES };

/* Counts what the engine asks for; can be made to fail, for tests. */
struct memory {
    uint64_t calls;   /* that got or moved memory */
    uint64_t fail_at; /* the call that fails next; 0: none */
    bool fail_after;  /* and all that follow */
};

/* Effects that were taken out of the engine while looking for others: a list in
 * the uservalue, from `first` down to `last` + 1. */
struct held {
    int first, last;
};

struct engine_object {
    shoal *core;          /* NULL once it is closed */
    questions *questions; /* the uservalue keeps it */
    protected_caller caller;
    protected_counts counts;
    char last_error[512]; /* of a handler; "" before any */
    unsigned busy;        /* entry points on the stack: a question runs */
    struct memory memory;
    /* The outbox. */
    bool taking;     /* an effect is being handed over */
    bool has_effect; /* `effect` was taken out and not handed over yet */
    shoal_effect effect;
    struct held sends, notifies;
    double sequence; /* of the next effect that is held */
};

/* The argument at 1; raises when it is none. */
struct engine_object *object_check(lua_State *L);
/* And is open. */
struct engine_object *object_check_open(lua_State *L);

shoal_allocator memory_allocator(struct memory *memory);
/* fail_allocation(n, after) */
int memory_fail(lua_State *L);

extern const luaL_Reg entries_methods[], queries_methods[];
extern const struct common_kind object_kind; /* in entry_points.c */
/* Adds the methods to the table on top of the stack. */
void effects_register(lua_State *L);

/* Ready and empty. The uservalue is on top of the stack. */
void effects_init(lua_State *L, struct engine_object *object);

#endif
