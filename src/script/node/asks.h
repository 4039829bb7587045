/* SPDX-License-Identifier: MIT */
/*
 * node:ask(): a question to many members, whose answers are collected.
 *
 *     asked -> question to each expected member -> answers -> fn(node, answers,
 *                                                             missing)
 *
 * or, without a function, the coroutine that asked goes on with the two.
 *
 * Expected are the active members when it is asked, ourselves included, or some
 * of them. It ends when each has answered or is down, or at the timeout. An ask
 * belongs to the scope that asked: if that ends, nobody is called.
 *
 * The question is a message (sends.h) to each of them, and the answer another
 * one: the number of the ask, the name and the data; the number, true and the
 * answer; or the number, false, a message and a code. They are values of
 * MessagePack, one behind the other.
 */
#ifndef SHOAL_SCRIPT_NODE_ASKS_H
#define SHOAL_SCRIPT_NODE_ASKS_H

#include "../reload/scope.h"

/* What a node counts. */
struct ask_counts {
    uint64_t asked, refused; /* by us; beyond what may be under way */
    uint64_t answered;       /* questions of others, and our own to us */
    uint64_t unanswered;     /* answers that could not be sent */
    uint64_t late;           /* answers that nobody waits for */
};

/* STACK: node name data options fn -> true, or nil message code; without fn it
 * yields. Checked: the node may send. May raise. */
int asks_push(lua_State *L, struct scope *scope);
/* An answer came; and any other event of the node. Not inside of a handler. */
void asks_answered(struct node *node, const shoal_effect *effect);
void asks_note(struct node *node, const shoal_effect *effect);
/* The scope's end; nobody is called. */
void asks_end(struct scope *scope);
/* { asked=, refused=, answered=, unanswered=, late= } */
void asks_push_counts(lua_State *L, const struct node *node);

#endif
