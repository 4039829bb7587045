/* SPDX-License-Identifier: MIT */
/*
 * The quiet timer, and the choice of how to look: inotify where there is one
 * (it may be refused: an instance costs one of the 128 that a user has by
 * default), else ev_stat.
 */
#include "../../base/error.h"
#include "../host.h"
#include "watch_backend.h"

#include <stdlib.h>

struct watch {
    struct ev_loop *loop;
    double quiet;
    watch_fn *on_change;
    void *context;
    ev_timer settling;
    const struct watch_way *way;
    void *state; /* of the way */
    bool calling, freed;
};

static void on_quiet(struct ev_loop *loop, ev_timer *watcher, int events)
{
    watch *files = watcher->data;

    (void)events;
    ev_timer_stop(loop, watcher);
    files->calling = true;
    files->on_change(files->context);
    files->calling = false;
    if (files->freed)
        free(files);
}

void watch_changed(watch *files)
{
    ev_now_update(files->loop);
    files->settling.repeat = files->quiet;
    ev_timer_again(files->loop, &files->settling);
}

watch *watch_new_in(const struct watch_way *way, struct ev_loop *loop,
                    uint64_t quiet_us, watch_fn *on_change, void *context,
                    struct error *error)
{
    watch *files = calloc(1, sizeof *files);

    if (!files) {
        error_fail(error, "cannot watch files: out of memory");
        return NULL;
    }
    files->loop = loop;
    files->quiet = quiet_us > 0 ? (double)quiet_us / 1e6 : 1e-6;
    files->on_change = on_change;
    files->context = context;
    files->way = way;
    ev_init(&files->settling, on_quiet);
    files->settling.data = files;
    files->state = way->begin(loop, files, error);
    if (!files->state) {
        free(files);
        return NULL;
    }
    return files;
}

watch *watch_new(struct ev_loop *loop, uint64_t quiet_us, watch_fn *on_change,
                 void *context, struct error *error)
{
    watch *files = NULL;

#ifdef __linux__
    files = watch_new_in(&watch_by_inotify, loop, quiet_us, on_change, context,
                         error);
#endif
    if (!files)
        files = watch_new_in(&watch_by_stat, loop, quiet_us, on_change, context,
                             error);
    return files;
}

int watch_set(watch *files, const char *const *paths, size_t count,
              struct error *error)
{
    return files->way->set(files->state, paths, count, error);
}

void watch_free(watch *files)
{
    if (!files || files->freed)
        return;
    files->way->end(files->state);
    ev_timer_stop(files->loop, &files->settling);
    files->freed = true;
    if (!files->calling)
        free(files);
}
