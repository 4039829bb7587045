/* SPDX-License-Identifier: MIT */
/*
 * Handlers that failed: into the log (failure_log.h), and to the program's
 * on_error, which is told when nothing of the node is on the stack.
 */
#ifndef SHOAL_SCRIPT_NODE_FAILURES_H
#define SHOAL_SCRIPT_NODE_FAILURES_H

#include "../../lua/protected_call.h"

struct node;
struct failure;

/* For the callers of a node's scopes; the context is the node. */
void failures_report(void *context, const protected_report *report);
/* The node itself has failed: to be told to on_error, as `what`. */
void failures_add(struct node *node, const char *what, const char *text);
/* Tells on_error of those that it has not heard of. */
void failures_tell(struct node *node);
/* Forgets them. */
void failures_clear(struct node *node);

#endif
