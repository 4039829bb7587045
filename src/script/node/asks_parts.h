/* SPDX-License-Identifier: MIT */
/*
 * What the files of asks.h share:
 *
 *   asks.c          an ask from the first question to its end
 *   asks_start.c    node:ask: whom to ask
 *   asks_answers.c  what comes, and who goes
 */
#ifndef SHOAL_SCRIPT_NODE_ASKS_PARTS_H
#define SHOAL_SCRIPT_NODE_ASKS_PARTS_H

#include "../../lua/value.h"
#include "asks.h"

struct ask {
    struct scope *scope;
    struct ask *next, **place; /* in the list of the scope */
    void *timeout, *again;     /* timers; NULL: none */
    double id;
    int state;   /* reference, see below */
    int waiting; /* in QUEUE */
    int left;    /* who have not answered and are not gone */
};

/* What the reference has. Members are told apart by the bytes of their
 * addresses. */
enum {
    FN = 1, /* or the coroutine that waits */
    QUESTION,
    ORDER,   /* { address, ... } */
    QUEUE,   /* the same of who was not asked yet; false: it was */
    MEMBERS, /* { [address] = member }: who has not answered */
    GONE,    /* { [address] = true }: of those, who need not be waited for */
    ANSWERS  /* { { member=, data= }, ... } */
};

/* A new one, which expects nobody yet. NULL: no memory. */
struct ask *asks_new(struct scope *scope, double id, uint64_t timeout_us);
/* Frees all but its reference. */
void asks_free(struct ask *ask);
/* Calls its function, or resumes its coroutine. */
void asks_finish(struct ask *ask);
/* The same, later: whoever calls may be in the middle of something. */
void asks_finish_soon(struct ask *ask);
/* Asks the first, to see whether it can be asked at all; the others follow from
 * the loop. 0, or why not. The state is at the index. May raise before it
 * asks. */
int asks_begin(lua_State *L, struct ask *ask, int state);
/* The address at `key` need not be waited for. */
void asks_mark_gone(lua_State *L, struct ask *ask, int state, int key);

#endif
