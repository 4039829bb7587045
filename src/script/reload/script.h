/* SPDX-License-Identifier: MIT */
/*
 * A handler script: a file, compiled and run in a Lua state of its own, and the
 * table of handlers that it returned.
 *
 * Every version of a script is one of these. Nothing but its own functions runs
 * in the state; freeing it ends all that the script had set up there.
 */
#ifndef SHOAL_SCRIPT_RELOAD_SCRIPT_H
#define SHOAL_SCRIPT_RELOAD_SCRIPT_H

#include "../../base/error.h"
#include "../../lua/protected_call.h"
#include "files.h"
#include "modules.h"

#include <lua.h>

enum { SCRIPT_MAX_TROUBLE = 4096 };

struct script {
    lua_State *L;
    const char *path; /* absolute; of the caller, borrowed for life */
    const char *name; /* its last part, for messages */
    int handlers;     /* reference of the table it returned */
    struct files files;
    protected_caller caller;
    protected_counts counts; /* what happened while it was loading */
    uint64_t load_us;        /* that the file took to run */
    /* Message and traceback of the last failing call, while it was loading. */
    char trouble[SCRIPT_MAX_TROUBLE];
};

/* Where a script comes from, and what its state is to be like. */
struct script_source {
    const char *path;                 /* absolute; borrowed for life */
    const struct module_paths *paths; /* borrowed for the call */
    const protected_watch *watch;     /* of its handlers; may be NULL */
    uint64_t limit_us;                /* see load_limit.h; 0: the usual one */
    /* Changes the fresh state before anything of the script runs in it. May
     * raise. NULL: it stays as it is. */
    void (*set_globals)(void *context, lua_State *L);
    void *context;
};

/* Makes the state, runs the file and checks the table's shape
 * (handler_table.h). 0 and the script, or an error and a script that knows its
 * files (to be watched) and says in `error` what is
 * wrong; NULL: no memory. Never raises. */
int script_load(const struct script_source *source, struct script **out,
                struct error *error);
/* NULL is fine. */
void script_free(struct script *script);

#endif
