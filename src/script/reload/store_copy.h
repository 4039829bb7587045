/* SPDX-License-Identifier: MIT */
/*
 * The store of a script, as the program has it: a copy, since the script has a
 * Lua state of its own. What the program writes into it would be lost, so that
 * is an error. A field that is new is noticed at once (__newindex). A field
 * that is there already belongs to the table alone, and Lua 5.1 gives pairs()
 * no way to see through a proxy: so what was lent is held against its bytes
 * when the store is read again.
 */
#ifndef SHOAL_SCRIPT_RELOAD_STORE_COPY_H
#define SHOAL_SCRIPT_RELOAD_STORE_COPY_H

#include "../../shoal.h"
#include "scope.h"

/* Raises if the scope has written into the copy that it was lent last, which is
 * forgotten then. May raise for want of memory, too. */
void store_copy_check(lua_State *L, struct scope *reader);
/* Pushes what the bytes hold, and keeps it until the next check. May raise. */
void store_copy_lend(lua_State *L, struct scope *reader, shoal_bytes bytes);

#endif
