/* SPDX-License-Identifier: MIT */
/* Looking after files by asking for their state again and again. */
#include "../../base/error.h"
#include "../host.h"
#include "watch_backend.h"

#include <stdlib.h>
#include <string.h>

static const double INTERVAL =
    0.5; /* seconds, where the system tells nothing */

struct stat_file {
    struct stat_file *next;
    ev_stat watcher;
    char path[];
};

struct stat_state {
    struct ev_loop *loop;
    watch *files;
    struct stat_file *first;
};

static void *begin(struct ev_loop *loop, watch *files, struct error *error)
{
    struct stat_state *state = calloc(1, sizeof *state);

    if (!state) {
        error_fail(error, "cannot watch files: out of memory");
        return NULL;
    }
    state->loop = loop;
    state->files = files;
    return state;
}

static void on_stat(struct ev_loop *loop, ev_stat *watcher, int events)
{
    struct stat_state *state = watcher->data;

    (void)loop, (void)events;
    watch_changed(state->files);
}

static void clear(struct stat_state *state)
{
    struct stat_file *file;

    while ((file = state->first)) {
        state->first = file->next;
        ev_stat_stop(state->loop, &file->watcher);
        free(file);
    }
}

static int set(void *argument, const char *const *paths, size_t count,
               struct error *error)
{
    struct stat_state *state = argument;
    size_t i;

    clear(state);
    for (i = 0; i < count; i++) {
        size_t size = strlen(paths[i]) + 1;
        struct stat_file *file = calloc(1, sizeof *file + size);

        if (!file)
            return error_fail(error, "cannot watch %s: out of memory",
                              paths[i]);
        memcpy(file->path, paths[i], size);
        ev_stat_init(&file->watcher, on_stat, file->path, INTERVAL);
        file->watcher.data = state;
        file->next = state->first;
        state->first = file;
        ev_stat_start(state->loop, &file->watcher);
    }
    return 0;
}

static void end(void *argument)
{
    clear(argument);
    free(argument);
}

const struct watch_way watch_by_stat = {begin, set, end};
