/* SPDX-License-Identifier: MIT */
/*
 * The two ways to look after files; for watch.c and its specs.
 */
#ifndef SHOAL_HOST_WATCH_WATCH_BACKEND_H
#define SHOAL_HOST_WATCH_WATCH_BACKEND_H

#include "../../base/error.h"

#include "watch.h"

struct watch_way {
    /* Its state, or NULL and `error`. It calls watch_changed(files). */
    void *(*begin)(struct ev_loop *loop, watch *files, struct error *error);
    /* As watch_set(). */
    int (*set)(void *state, const char *const *paths, size_t count,
               struct error *error);
    void (*end)(void *state);
};

extern const struct watch_way watch_by_inotify; /* Linux only */
extern const struct watch_way watch_by_stat;

/* Something happened to one of the files: starts the quiet time anew. */
void watch_changed(watch *files);

/* As watch_new(), in the way given. */
watch *watch_new_in(const struct watch_way *way, struct ev_loop *loop,
                    uint64_t quiet_us, watch_fn *on_change, void *context,
                    struct error *error);

#endif
