/* SPDX-License-Identifier: MIT */
/*
 * Is a value written as shoal writes it (docs/wire.md: MessagePack as it is
 * written here)? Of each value there is one such encoding, so equal values are
 * equal bytes, and a map has no key twice.
 */
#ifndef SHOAL_WIRE_CANONICAL_H
#define SHOAL_WIRE_CANONICAL_H

#include "walk.h"

/* Can the reader hold that integer, and tell it from its neighbours? */
typedef bool canonical_holds(struct integer value);

/* Walks over one value, within bytes that check_value() has found whole. NULL
 * when it is canonical and every integer is one that `holds` (may be NULL)
 * answers true for; else why it is not (static). */
const char *canonical_check(struct walk *walk, canonical_holds *holds);
/* Is it the shortest head of a str of `count` bytes (32 values in a lead byte,
 * 256 behind one), or of an array or map of `count` entries (16, none)? */
bool canonical_is_short_head(const struct check_head *head, uint64_t count);

#endif
