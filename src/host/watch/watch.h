/* SPDX-License-Identifier: MIT */
/*
 * Tells when files have changed and been quiet for a while.
 *
 * Editors write in place, or write a new file and rename it over the old one:
 * so on Linux the folders of the files are watched with inotify, elsewhere the
 * files with ev_stat. A change starts (or restarts) a timer of `quiet_us`;
 * when it fires `on_change` is called once. Whether the contents differ is the
 * caller's business (it compares hashes).
 */
#ifndef SHOAL_HOST_WATCH_WATCH_H
#define SHOAL_HOST_WATCH_WATCH_H

#include "../../base/error.h"
#include "../../shoal.h"

#include <ev.h>

typedef struct watch watch;
typedef void watch_fn(void *context);

/* NULL and `error` on failure. */
watch *watch_new(struct ev_loop *loop, uint64_t quiet_us, watch_fn *on_change,
                 void *context, struct error *error);
/* These files from now on, instead of those before. Paths are copied; a file
 * that does not exist is watched for its coming. 0, or -1 and `error`: then the
 * files that could be watched are. */
int watch_set(watch *watch, const char *const *paths, size_t count,
              struct error *error);
/* NULL is fine. May be called inside on_change. */
void watch_free(watch *watch);

#endif
