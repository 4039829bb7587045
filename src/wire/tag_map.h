/* SPDX-License-Identifier: MIT */
/*
 * What a member says of itself (docs/wire.md, Members): a canonical map from
 * names to values, with nothing behind it.
 */
#ifndef SHOAL_WIRE_TAG_MAP_H
#define SHOAL_WIRE_TAG_MAP_H

#include "../shoal.h"

enum {
    TAG_MAP_MAX_NAME = 64,
    TAG_MAP_DEPTH = 16 /* arrays and maps inside each other, with itself */
};

/* NULL when `tags`, which may be any bytes, are one; else why not (static). */
const char *tag_map_check(shoal_bytes tags);

#endif
