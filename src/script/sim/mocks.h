/* SPDX-License-Identifier: MIT */
/*
 * What a simulation does not have, programs to run and
 * peers to connect to, is played by functions of
 * the program's that wrote the simulation: net:on_spawn(fn). They are asked at
 * once, and what they answer arrives after some virtual time.
 */
#ifndef SHOAL_SCRIPT_SIM_MOCKS_H
#define SHOAL_SCRIPT_SIM_MOCKS_H

#include "../../base/error.h"
#include "../../lua/compat.h"
#include "../../lua/program.h"

struct mocks {
    struct program *owner;
    /* References of functions; REFS_NONE: there is none. */
    int on_spawn, on_connect, on_http;
};

void mocks_init(struct mocks *mocks, struct program *owner);
void mocks_clear(struct mocks *mocks, lua_State *L);

/* Pushes what to ask with, says how many values, and reads the answer, which is
 * at `index` (the first value) and behind. Both may raise. */
struct mock_question {
    const char *name; /* "net:on_spawn" */
    int fn, num_results;
    bool may_be_nil; /* the first: that is no refusal then */
    int (*push)(lua_State *L, void *context);
    /* 0, or -1 and `error`. */
    int (*read)(lua_State *L, int index, void *context, struct error *error);
    void *context;
};

/* 0, or -1 and `error`: there is no such function, it raised, it refused (nil,
 * message), or its answer cannot be read. What it raises comes out of net:run()
 * as well. Never raises. */
int mocks_ask(struct mocks *mocks, const struct mock_question *question,
              struct error *error);

#endif
