/* SPDX-License-Identifier: MIT */
/*
 * Another key for the whole cluster (`shoal keys rotate`).
 *
 *   next     A member makes a key and sends it, sealed, to all others. Each
 *            says in its reserved tag (../../lua/reserved_tag.h) which keys it
 *            has, the one that it uses first
 *   current  Whoever sees that all active members have it uses it. Others can
 *            open that, so no packet is lost, whenever each of them does
 *   old      When all use it, the old keys stay for `key_grace` (24 h), for
 *            members that were away: each is answered with the key that it has
 *            (../../seal/speakers.h) and gets the new one. Then they go, unless
 *            somebody still needs them
 *
 * There is nobody in charge. Of those that have the key, the one with the least
 * address sends it to those that do not: whoever began it may go away. Keys of
 * rotations are ordered by when they were made, and an older one is never taken
 * after a newer one, so two rotations at once end with one key.
 *
 * A cluster that never changes its key pays nothing for this: no tag, no timer.
 */
#ifndef SHOAL_SCRIPT_NODE_ROTATION_H
#define SHOAL_SCRIPT_NODE_ROTATION_H

#include "../../base/error.h"
#include "../../lua/reserved_tag.h"
#include "../../seal/keys.h"
#include "../../shoal.h"

#include <lua.h>

#define ROTATION_GRACE_US (UINT64_C(86400) * 1000 * 1000) /* the usual one */

struct node;

enum key_stage { KEY_PLAIN, KEY_NEXT, KEY_CURRENT, KEY_OLD };

struct rotation {
    void *timer; /* while there is a key of a rotation */
    uint64_t grace_us;
    uint64_t sent_us; /* when we last sent the key; 0: not yet */
    uint8_t tag[RESERVED_TAG_MOST];
    uint8_t tag_size;
    bool told; /* that the tag has no room */
};

/* Before the node is live: it may have been in the middle of one. 0 or NOMEM.
 */
int rotation_begin(struct node *node);
/* Begins, with the key in `text`, as a key file has it; NULL: it makes one. 0
 * and its id, or -1 and `error`. */
int rotation_start(struct node *node, const char *text, size_t size,
                   char id[SEAL_ID_TEXT], struct error *error);
/* Another member has sent a key. */
void rotation_take(struct node *node, shoal_bytes message);
/* The tags of the program, with ours: as shoal_set_tags(). */
int rotation_set_tags(struct node *node, shoal_bytes tags);
/* Pushes { key=, stage=, lacks=, unused=, removed_in= }, or nil. */
void rotation_push(lua_State *L, struct node *node);

#endif
