/* SPDX-License-Identifier: MIT */
/*
 * Other handlers for a live node.
 *
 * A new version is read, compiled and run in a Lua state of its own, its table
 * checked, the store carried over, its identity held against the running one,
 * its on_reload called: any of it may fail, and then it is thrown away and the
 * old version never was touched. Only then one pointer is swapped, between two
 * events; the old version's timers, coroutines and modules go with its state.
 */
#ifndef SHOAL_SCRIPT_NODE_RELOAD_H
#define SHOAL_SCRIPT_NODE_RELOAD_H

#include "../../base/error.h"
#include "../../host/host.h"
#include "../reload/version.h"

enum { RELOAD_MAX_REASON = 64 };

/* What a node knows of its reloads. */
struct reloads {
    struct watch *watch;         /* NULL: files are not watched */
    char watch_error[ERROR_MAX]; /* that was told last; "": none */
    unsigned generation;         /* of the latest version */
    bool loading;
    bool failed;        /* the last load: */
    uint64_t failed_us; /* unix time */
    struct error error;
    char reason[RELOAD_MAX_REASON];
};

/* Loads the first version of the node's script. 0 or an error with `error`. */
int reload_first(struct node *node, struct error *error);
/* Loads the script anew, now; nothing of the node may be on the stack. 0, or an
 * error with `error`, which is also kept and logged.
 * `*swapped` (may be NULL): false when nothing had changed. */
int reload_script(struct node *node, const char *reason, bool *swapped,
                  struct error *error);
/* A version of a table becomes the node's handlers. 0, or an error with
 * `error`; then it has been freed. NULL: no memory. RELOAD_MISUSE: the table is
 * not made as it should be. */
enum { RELOAD_MISUSE = 2 };
int reload_table(struct node *node, struct version *version,
                 struct error *error);

/* Watches the script's files. */
void reload_watch(struct node *node);
void reload_unwatch(struct node *node);

#endif
