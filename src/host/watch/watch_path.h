/* SPDX-License-Identifier: MIT */
/*
 * Paths and their parts, for watch_inotify.c. A part is a pointer into its
 * path:
 * "/srv/app/x.lua" has the parts "srv", "app" and "x.lua", and before each of
 * them is the folder that it is in. Parts end at the next slash.
 */
#ifndef SHOAL_HOST_WATCH_WATCH_PATH_H
#define SHOAL_HOST_WATCH_WATCH_PATH_H

#include <stdbool.h>

/* The last part of what is before `end` in the path; the path itself when there
 * is nothing. */
const char *watch_path_part_before(const char *path, const char *end);
bool watch_path_is_last(const char *part);
bool watch_path_is_named(const char *part, const char *name);
/* Is there something where the folder `part` of the path is missing? A link
 * that leads nowhere, or a folder that came just now. No plain file is meant.
 */
bool watch_path_has_stand_in(const char *path, const char *part);

#endif
