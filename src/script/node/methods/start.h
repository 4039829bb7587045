/* SPDX-License-Identifier: MIT */
/* shoal.start{...}, read and carried out. */
#ifndef SHOAL_SCRIPT_NODE_METHODS_START_H
#define SHOAL_SCRIPT_NODE_METHODS_START_H

#include "../../../base/account.h"
#include "../../../base/error.h"

#include "../identity.h"
#include "../node.h"

/* The options that the node itself does not keep. Strings are borrowed from
 * the options table. */
struct start {
    struct node *node;
    const char *bind, *advertise, *data_dir;
    shoal_config config;
    uint64_t seed, busy_limit_us, skew_us, snapshot_us;
    struct seal_keys *keys; /* in a userdata that wipes them; NULL: none */
    const char *unused[2];  /* options that have no effect without these */
    size_t num_unused;
    struct account account; /* whom the process is to become */
    /* Indices; 0: none. Of the list of endpoints, a table of handlers or nil,
     * functions. */
    int seeds, handlers, on_error, log_function;
    bool from_module; /* the table: what is wrong with it is no misuse */
    shoal_bytes tags; /* MessagePack of a map; empty: none */
    const char *code; /* of the failure */
    struct error error;
};

/* start_options.c: reads the options at index 1, into the node and `start`, and
 * leaves on the stack what is borrowed. 0, or -1 with `code` and `error`.
 * Raises for misuse. */
int start_read_options(lua_State *L, struct start *start);

/* start_keys.c: reads `key`, `key_file` and `key_fd`. As above. */
int start_read_keys(lua_State *L, const char *who, struct start *start);

/* STACK: options -> node | nil, message, code. Raises for misuse. */
int start_node(lua_State *L, struct program *owner, struct world *world);

/* Adds start() to the table on top of the stack. */
void start_register(lua_State *L);

#endif
