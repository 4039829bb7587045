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
/* Does the version want its store to be remembered (`persist = true`)? */
bool store_persists(struct version *version);
/* A copy of the store as MessagePack, in `*bytes` (to be freed with free()). 0,
 * or an error and `error`, as store_carry() has it. */
int store_save(struct version *version, uint8_t **bytes, size_t *size,
               struct error *error);
/* Gives it the store that was saved. */
int store_load(struct version *version, shoal_bytes bytes, struct error *error);
/* Pushes the store of the version for a scope: the table itself in the
 * version's own state, else a copy (store_copy.h). May raise. */
void store_push(lua_State *L, struct version *version, struct scope *reader);
/* Makes the table at `index` its store. May raise. */
void store_set(lua_State *L, struct version *version, int index);

#endif
