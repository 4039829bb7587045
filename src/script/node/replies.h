/* SPDX-License-Identifier: MIT */
/*
 * on_ask: answers to the questions of other nodes (asks.h), and to our own. An
 * answer that cannot be sent, since too many messages are under way, is sent
 * later.
 */
#ifndef SHOAL_SCRIPT_NODE_REPLIES_H
#define SHOAL_SCRIPT_NODE_REPLIES_H

#include "../../shoal.h"

struct node;

/* A question came. Not inside of a handler. */
void replies_give(struct node *node, const shoal_effect *effect);
/* Drops those that wait. */
void replies_clear(struct node *node);

#endif
