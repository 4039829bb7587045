/* SPDX-License-Identifier: MIT */
/*
 * M.tags: what a version of the handlers says of its node, a table or a
 * function that makes one. It is said when the node starts, and again when
 * another version takes over: then what differs from the version before is
 * changed, and nothing else. So an edited script changes what was edited, and
 * what the program has set meanwhile stays.
 */
#ifndef SHOAL_SCRIPT_NODE_SCRIPT_TAGS_H
#define SHOAL_SCRIPT_NODE_SCRIPT_TAGS_H

#include "node.h"

/* Asks the version for them; it keeps the answer. 0, or an error and `error`.
 * Never raises. */
int script_tags_read(struct node *node, struct version *version,
                     struct error *error);
/* The node says them, and those in `more` (MessagePack of a map, or empty),
 * which come last. `before` was in charge until now; NULL: nobody was. 0, or an
 * error and `error`: a shoal_error (TOO_BIG) below zero. Never raises. */
int script_tags_say(struct node *node, struct version *version,
                    struct version *before, shoal_bytes more,
                    struct error *error);
/* From now on the node says these, as shoal_set_tags(), and on_view learns that
 * they are others. */
int script_tags_set(struct node *node, shoal_bytes tags);

#endif
