/* SPDX-License-Identifier: MIT */
/*
 * The one place that calls Lua.
 *
 * A handler that throws must neither stop the node nor jump over the frames of
 * the C engine, and neither must Lua's own "not enough memory" while arguments
 * are pushed. So whatever touches Lua from outside of Lua happens in a region:
 *
 *     protected_run(caller, L, fn, context, "on_member_up")
 *         fn(L, context)           pushes the function and its arguments,
 *             protected_invoke()    calls it,
 *                                  reads the results: all of it may raise
 *
 * The region catches, adds the traceback, counts, and reports failures and slow
 * handlers through a callback (the node logs them).
 *
 * A region may call several handlers, one after the other: protected_turn()
 * says what for. The first that raises ends it.
 *
 * A caller belongs to one Lua state; the counts may be shared by several (the
 * versions of a script).
 */
#ifndef SHOAL_LUA_PROTECTED_CALL_H
#define SHOAL_LUA_PROTECTED_CALL_H

#include "../shoal.h"

#include <lua.h>

enum { PROTECTED_SLOW_US = 100 * 1000 };

enum { PROTECTED_CALL_STACK = 4 }; /* slots that protected_call() needs */

/* How long calls took: up to 1, 10, 100 ms, 1 s, and longer. */
enum { PROTECTED_CLASSES = 5 };

typedef struct protected_counts {
    uint64_t calls;    /* of handlers */
    uint64_t errors;   /* of handlers, and of what they answered */
    uint64_t slow;     /* calls longer than slow_us */
    uint64_t total_us; /* of all calls ... */
    uint64_t took[PROTECTED_CLASSES]; /* ... and how many in each class */
    uint64_t slowest_us;              /* the longest call so far ... */
    char slowest[64]; /* ... and `what` it was; "" before any call */
} protected_counts;

/* Something a person should hear of. All strings are borrowed for the call. */
typedef struct protected_report {
    const char *what;     /* "on_member_up", "identity.addr", "timer" */
    const char *text;     /* message, and traceback if a handler raised; NULL:
                             it was only slow */
    size_t message_size;  /* the part of `text` before the traceback */
    const char *where;    /* "script.lua:12" of a slow function; may be "" */
    uint64_t duration_us; /* of a slow call; else 0 */
} protected_report;

struct protected_region;
struct templates;

typedef struct protected_caller {
    protected_counts *counts; /* borrowed for life */
    uint64_t slow_us;         /* report calls longer than that; 0: none */
    void *context;
    /* May be NULL. Must not raise, and must not call Lua. */
    void (*report)(void *context, const protected_report *report);
    unsigned depth; /* handlers of this caller that are on the stack now */
    /* The Lua state's, which owns them. */
    struct protected_region *region;
    const struct templates *templates;
} protected_caller;

/* Makes it ready for the state of `L` (any thread of it). May raise (no
 * memory). Nothing to clear: the state owns what there is. slow_us is
 * PROTECTED_SLOW_US, and there is no report. */
void protected_init(protected_caller *caller, lua_State *L,
                    protected_counts *counts);

/* What else wants to know when handlers run: a host, whose loop stands still
 * meanwhile. Handlers that are called by a handler are not mentioned. */
typedef struct protected_watch {
    /* One is about to run, at that time of CLOCK_MONOTONIC. false: do not tell
     * me more of it. */
    bool (*begins)(uint64_t now_us);
    /* One has ended at that time, and the next is about to run. false: begins()
     * is called for it, as after ended(). */
    bool (*follows)(uint64_t now_us);
    /* It has ended, whether it raised or not. */
    bool (*ended)(void);
} protected_watch;

/* For all handlers of that Lua state from now on; borrowed for the state's
 * life. NULL: nobody is told. May raise (no memory). */
void protected_set_watch(lua_State *L, const protected_watch *watch);
/* That of its state, for another state of the same program. */
const protected_watch *protected_watched_by(const protected_caller *caller);

typedef void protected_fn(lua_State *L, void *context);

/* Runs fn(L, context) in a region, with an empty stack of its own. `L` is the
 * thread that is running now, or the main one when none is; it needs three free
 * stack slots. Never raises. 0; SHOAL_ERR_NOMEM when Lua had no memory; 1
 * when it raised anything else. Failures are counted and reported;
 * protected_last_message() tells the last one. */
int protected_run(protected_caller *caller, lua_State *L, protected_fn *fn,
                  void *context, const char *what);

/* lua_call() of a handler inside a region: timed and counted. */
void protected_invoke(protected_caller *caller, lua_State *L, int nargs,
                      int nresults);

/* The same where the function to call is one of ours (templates.h) that calls
 * the handler in turn, which is at the index `handler` and stays there. */
void protected_invoke_template(protected_caller *caller, lua_State *L,
                               int handler, int nargs, int nresults);

/* Inside a region: from now on it is about that. */
void protected_turn(protected_caller *caller, const char *what);

/* Inside a handler that runs a coroutine: the function that a slow one is
 * logged with, whose lua_Debug has the fields of "S". `L` is of its state. */
void protected_place(lua_State *L, const lua_Debug *function);

/* A region around one call: the function and its `nargs` arguments are on the
 * stack. 0 with `nresults` results, or as protected_run() with the message and
 * traceback in their place. Pushing the arguments was outside of the region:
 * use it where raising is allowed, or where there are none to push. */
int protected_call(protected_caller *caller, lua_State *L, int nargs,
                   int nresults, const char *what);

/* lua_call() of a function that a program handed to the very method that is
 * running (a filter): what it raises goes to the program. */
void protected_plain(lua_State *L, int nargs, int nresults);

/* What the last failing region of this state raised, without its traceback,
 * cut at 500 bytes. Borrowed until the next failure. */
const char *protected_last_message(const protected_caller *caller);

/* Pushes the counts: {calls=, errors=, slow=, slowest=seconds,
 * slowest_handler=name, seconds=, took={...}}. */
void protected_push_counts(lua_State *L, const protected_counts *counts);

#endif
