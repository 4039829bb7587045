/* SPDX-License-Identifier: MIT */
/*
 * What questions.c, codec.c and identity.c share: how a question is asked, and
 * the table that keeps the functions and the answers which the engine still
 * borrows.
 */
#ifndef SHOAL_SCRIPT_ENGINE_ANSWERS_H
#define SHOAL_SCRIPT_ENGINE_ANSWERS_H

#include "questions.h"

/* What is where in the answers table; 1 to NUM_QUESTIONS are the functions. */
enum {
    ANSWERS_SELF = NUM_QUESTIONS + 1,
    ANSWERS_ADDR,
    ANSWERS_ENDPOINT,
    ANSWERS_KEY,
    ANSWERS_PACKET, /* the packet that is being decoded, as a string */
    ANSWERS_IDS     /* identities found in it */
};

/* Runs `fn` as the region of this question; what goes wrong is left in
 * q->error. As protected_run(). */
int answers_ask(questions *q, question_id which, protected_fn *fn,
                void *context);

/* The following are for use inside a region, and raise. */

/* Pushes the answers table. */
void answers_push(questions *q, lua_State *L);
/* Pushes the answers table, to be at index 1, and the function. */
void answers_begin(questions *q, lua_State *L, question_id which);
/* Calls a function that must have an answer with its `nargs` arguments. What it
 * says instead of one (nil, message) is raised.
 * STACK: function, arguments -> answer */
void answers_invoke(questions *q, lua_State *L, int nargs);
/* Pops the string on top, keeps it in the table at index 1 and tells its bytes,
 * which stay until the slot is used again. */
shoal_bytes answers_keep(lua_State *L, int slot);

#endif
