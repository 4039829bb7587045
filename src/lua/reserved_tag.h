/* SPDX-License-Identifier: MIT */
/*
 * The tag that is a node's own: which keys it has (../script/node/rotation.h).
 * Its name is the number 0, where those of a program are strings, so neither
 * can be mistaken for the other. It is the first of the map, and no program
 * sees it.
 */
#ifndef SHOAL_LUA_RESERVED_TAG_H
#define SHOAL_LUA_RESERVED_TAG_H

#include "../shoal.h"

enum { RESERVED_TAG_MOST = 16, RESERVED_TAG_ROOM = RESERVED_TAG_MOST + 6 };

/* Its value; empty: there is none. Points into `tags`. */
shoal_bytes reserved_tag_of(shoal_bytes tags);
/* The other tags, into `out`, which has tags.size bytes: how many it took. */
size_t reserved_tag_strip(shoal_bytes tags, uint8_t *out);
/* The other tags with `value` (empty: without one; at most RESERVED_TAG_MOST
 * bytes), into `out`, which has tags.size + RESERVED_TAG_ROOM bytes. */
size_t reserved_tag_put(shoal_bytes tags, shoal_bytes value, uint8_t *out);
/* Do they differ in others? */
bool reserved_tag_is_all(shoal_bytes before, shoal_bytes after);

#endif
