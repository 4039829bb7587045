/* SPDX-License-Identifier: MIT */
/*
 * node:send(): messages to one member. What is to be called when one has
 * arrived, or will not, belongs to the scope that sent it, and ends with it;
 * the message goes on.
 */
#ifndef SHOAL_SCRIPT_NODE_SENDS_H
#define SHOAL_SCRIPT_NODE_SENDS_H

#include "../reload/scope.h"

/* What a message is, of those between nodes in Lua: its flags. */
enum send_kind { SEND_MESSAGE, SEND_QUESTION, SEND_ANSWER, SEND_KEY };

/* The diagnostics that this needs: 1u << SHOAL_EVENT_*. */
#define SENDS_DIAGNOSTICS                                                      \
    (1u << SHOAL_EVENT_MESSAGE_ACKNOWLEDGED | 1u << SHOAL_EVENT_MESSAGE_FAILED)

/* The function on top of the stack, to be called for the message with that
 * ticket; pops it. May raise; then nothing was kept. */
void sends_keep(lua_State *L, struct scope *scope, uint64_t ticket);
/* It was not sent. Does not raise. */
void sends_forget(lua_State *L, const struct scope *scope, uint64_t ticket);
/* Calls whom the event is for, if it is one of these. true: nobody else is to
 * hear of it. Not inside of a handler. */
bool sends_tell(struct node *node, const shoal_effect *effect);

#endif
