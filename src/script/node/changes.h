/* SPDX-License-Identifier: MIT */
/*
 * What has changed since the last on_view: one entry for each member that
 * something happened to. It belongs to the node and not to a version of the
 * handlers, so a reload neither loses nor repeats a change.
 *
 *                 there before    there now
 *   joined        no              yes
 *   left          yes             no
 *   changed       yes             yes: another identity or state, or it was
 *                                 away in between
 *   (nothing)     no              no
 *
 * and whether the node's own tags have changed, of which no event tells.
 */
#ifndef SHOAL_SCRIPT_NODE_CHANGES_H
#define SHOAL_SCRIPT_NODE_CHANGES_H

#include "../../shoal.h"

#include <lua.h>

struct change;

/* Empty when all zero. */
struct changes {
    struct change **buckets;
    size_t num_buckets, count;
    struct change *first, *last; /* in the order in which they began */
    bool own_tags;               /* those of the node itself are others, too */
};

/* Does the event say something of the view's members? */
bool changes_are_in(shoal_event event);
/* Takes such an event in; its bytes are copied. false: no memory. */
bool changes_note(struct changes *changes, const shoal_effect *effect);
/* Is there a member that has joined, left or changed, or our own tags? */
bool changes_any(const struct changes *changes);
/* Pushes { joined = {...}, left = {...}, changed = {...} }. May raise. */
void changes_push(lua_State *L, const struct changes *changes,
                  int64_t offset_us);
/* Forgets all of them. */
void changes_clear(struct changes *changes);

#endif
