/* SPDX-License-Identifier: MIT */
/* What happens to a node's cluster is told to its handlers and listeners. */
#ifndef SHOAL_SCRIPT_NODE_EVENTS_H
#define SHOAL_SCRIPT_NODE_EVENTS_H

#include "../../shoal.h"

struct node;

/* The backend's on_notify: tells of the event, and perhaps of those that come
 * right after it (backend.h: next_event). */
void events_tell(struct node *node, const shoal_effect *effect);

#endif
