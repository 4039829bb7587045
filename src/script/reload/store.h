/* SPDX-License-Identifier: MIT */
/*
 * node.store: a table of the handlers' own that lives as long as the node. A
 * version of a table of handlers passes it on to the next; one of a script
 * hands the next a copy, by value, since each has a Lua state of its own.
 */
#ifndef SHOAL_SCRIPT_RELOAD_STORE_H
#define SHOAL_SCRIPT_RELOAD_STORE_H

#include "../../base/error.h"

#include "version.h"

/* Gives `to` the store of `from`. 0, or an error and `error`, which names what
 * cannot be carried: "store.a.b: cannot carry a function". `from` is as before.
 * Never raises. */
int store_carry(struct version *from, struct version *to, struct error *error);
/* Pushes the store of the version for a scope: the table itself in the
 * version's own state, else a copy. May raise. */
void store_push(lua_State *L, struct version *version, bool same_state);
/* Makes the table at `index` its store. May raise. */
void store_set(lua_State *L, struct version *version, int index);

#endif
