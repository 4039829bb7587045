/* SPDX-License-Identifier: MIT */
/*
 * A version of a node's handlers: a script in a Lua state of its own, or a
 * table in the program's state. The node has one at a time; another one is made
 * ready beside it and takes its place (reload.c).
 */
#ifndef SHOAL_SCRIPT_RELOAD_VERSION_H
#define SHOAL_SCRIPT_RELOAD_VERSION_H

#include "../../base/error.h"
#include "../engine/questions.h"
#include "scope.h"
#include "script.h"

struct version {
    struct scope scope;    /* first: a silent scope is a version */
    struct script *script; /* NULL: a table in the program's state */
    questions *questions;  /* the engine's side of it */
    /* References in its state. */
    int handlers, questions_ref, store, parcel /* see store.c */,
        tags /* what it says of itself: the bytes, or false */;
    uint32_t wants; /* the events that it has handlers for, of those that are
                       off until they are asked for: 1u << SHOAL_EVENT_* */
    bool splits_renames; /* `rename_as_down_up` */
    unsigned generation;
    uint64_t loaded_us;   /* unix time */
    struct version *next; /* of those that are over, see node.h */
    /* Of a table while it loads. */
    protected_caller quiet;
    protected_counts quiet_counts;
};

/* A version of that script, which it owns from now on; NULL: no memory, and the
 * caller still owns the script. */
struct version *version_of_script(struct scopes *scopes, struct script *script);
/* A version of the table on top of the program's stack `L`, or of no handlers
 * for nil; pops it. NULL: no memory. May raise. */
struct version *version_of_table(struct scopes *scopes, lua_State *L);

/* Makes it ready: the node's object, the questions, an empty store. 0 or an
 * error and `error`. Never raises. */
int version_prepare(struct version *version, struct error *error);
/* From now on (unix time) it is in charge, as the node's version of that
 * number: its calls are counted and reported as the node's. */
void version_take_charge(struct version *version, unsigned generation,
                         uint64_t now_us);

/* Writes the hash of the script's files as 16 hex digits and a NUL; false for a
 * table, which has none. */
bool version_hash(const struct version *version, char *out);

/* Calls handlers[name](node, ...) if it is there: `push` (may be NULL) pushes
 * further arguments and says how many. 0 or as protected_run(). */
typedef int version_push_fn(lua_State *L, void *context);
int version_call(struct version *version, const char *name,
                 version_push_fn *push, void *context);

/* Ends what it has set up. The state is still there: somebody may be running in
 * it. */
void version_end(struct version *version);
/* Closes the state, frees all. Not while anything of it is on the stack. NULL
 * is fine. */
void version_free(struct version *version);

#endif
