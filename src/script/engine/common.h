/* SPDX-License-Identifier: MIT */
/*
 * The methods that shoal.core's engine and a node have in common. Each has a
 * `struct common_kind` as its upvalue, which knows whose method it is; the
 * arguments of an engine's entry points come after `now`.
 *
 *     engine:apply(now, states, options)        node:apply(states, options)
 */
#ifndef SHOAL_SCRIPT_ENGINE_COMMON_H
#define SHOAL_SCRIPT_ENGINE_COMMON_H

#include "../../lua/compat.h"
#include "questions.h"

/* A method that is being called. */
struct common_call {
    void *object; /* an engine's or a node's */
    shoal *engine;
    questions *questions;
    uint64_t now_us;
    int first;         /* index of the first argument */
    lua_State *before; /* whom the questions were asked on */
};

struct common_kind {
    const char *prefix; /* of a method's name in messages: "node:" */
    uint32_t (*cluster_size)(const struct common_call *call);
    int64_t (*clock_offset_us)(const struct common_call *call); /* view.h */
    /* Fill `call`. Both raise when the object cannot be used (now). */
    void (*check)(lua_State *L, struct common_call *call);
    void (*check_entry)(lua_State *L, struct common_call *call,
                        const char *method);
    /* Around an entry point; end() pushes its result and returns how many
     * values that is. */
    void (*begin)(lua_State *L, struct common_call *call);
    int (*end)(lua_State *L, struct common_call *call, int error);
    int (*leave)(struct common_call *call);
    int (*set_tags)(struct common_call *call, shoal_bytes tags);
    int (*forget)(struct common_call *call, shoal_bytes addr);
    int (*change_identity)(struct common_call *call, shoal_bytes id);
    void (*push_stats)(lua_State *L, struct common_call *call);
};

extern const luaL_Reg common_methods[];

/* Adds them to the table on top of the stack. `kind` is static. */
void common_register(lua_State *L, const struct common_kind *kind);

#endif
