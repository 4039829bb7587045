/* SPDX-License-Identifier: MIT */
/*
 * How many are we, which of them am I, who does what: computed from the living
 * members, oneself included, so that members whose views agree need not talk
 * about it.
 *
 * Without a function in the options the member table is walked in C. With one,
 * each member becomes a table for it.
 */
#ifndef SHOAL_SCRIPT_ENGINE_OWNERS_H
#define SHOAL_SCRIPT_ENGINE_OWNERS_H

#include "../../shoal.h"

#include <lua.h>

/* A method that is being called; it may raise. */
struct owners_call {
    const shoal *engine;
    int64_t offset_us; /* see view.h */
    const char *who;   /* in front of messages */
    int options;       /* index of the options, or of nothing */
};

/* size{ where = }: pushes their number. */
int owners_push_size(lua_State *L, const struct owners_call *call);
/* rank{ where = }: pushes our place among them by address, or nil. */
int owners_push_rank(lua_State *L, const struct owners_call *call);
/* owner(key, { n =, where =, weight = }): pushes the owner (nil: nobody), or
 * with n a list of the first n of them, and whether we are one. */
int owners_push_owner(lua_State *L, const struct owners_call *call,
                      shoal_bytes key);

#endif
