/* SPDX-License-Identifier: MIT */
/*
 * Looking after files with inotify, through the folders they are in.
 *
 * A change is an event in a watched folder that names a watched file. An event
 * about another name counts if it made a watched file a different one: a
 * Kubernetes ConfigMap turns the link `..data`, through which all others go.
 * Symbolic links in a path (/srv/app/current/service.lua) are watched like
 * files, and so is what the whole path leads to; when a link is turned, all of
 * that is found out anew.
 *
 * A file that is written in place has changed when it is closed (no IN_MODIFY):
 * before that it is half of one, and a log beside the script must not wake the
 * member with every line.
 *
 * Where there is no such folder, the nearest one above it is watched for the
 * coming of the part that is missing: a script looks for its modules in many
 * places that need not be. So it goes with a folder that goes away (a checkout
 * of another branch), until it is back.
 *
 * What inotify cannot tell of (a link that leads nowhere may lead somewhere
 * one day, a folder may become readable) is looked for once a second.
 */
#ifdef __linux__

#include "../../base/error.h"
#include "../host.h"
#include "../loop_check.h"
#include "watch_backend.h"
#include "watch_path.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const double LOOK_AGAIN = 1.0; /* seconds */

enum {
    EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
             IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
};

enum kind {
    ASKED_FOR, /* by watch_set() */
    LINK,      /* in the path of one */
    TARGET     /* what such a path leads to */
};

struct watched_file {
    struct watched_file *next;
    enum kind kind;
    int folder; /* the watch of the folder of `part`; -1: there is none now */
    bool exists;
    struct stat seen;
    const char
        *part; /* what to wait for in that folder; points into `path`: its
                  last part, or the first that is missing before that */
    char path[];
};

struct state {
    struct ev_loop *loop;
    watch *files;
    int fd;
    ev_io readable;
    ev_timer retry; /* while there is something that inotify does not tell */
    struct watched_file *first;
    bool turned; /* a link was, or a folder came or went: look for all anew */
};

/* ---- Files ---- */

static void look(struct watched_file *file)
{
    file->exists = stat(file->path, &file->seen) == 0;
}

static bool is_same(const struct stat *a, const struct stat *b, enum kind kind)
{
    if (a->st_dev != b->st_dev || a->st_ino != b->st_ino)
        return false;
    return kind == LINK || /* a folder behind it changes with its files */
           (a->st_size == b->st_size &&
            a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
            a->st_mtim.tv_nsec == b->st_mtim.tv_nsec);
}

/* As what the same file was when it was looked at before? */
static bool differs(const struct watched_file *file, bool existed,
                    const struct stat *before)
{
    return file->exists != existed ||
           (existed && !is_same(before, &file->seen, file->kind));
}

static bool became_another(struct watched_file *file)
{
    struct stat before = file->seen;
    bool existed = file->exists;

    look(file);
    return differs(file, existed, &before);
}

/* ---- Their folders ---- */

/* Watches the folder that the part is in. inotify gives a folder one number,
 * however often it is asked. -1 with errno. */
static int watch_folder(struct state *state, const char *path, const char *part)
{
    size_t size = (size_t)(part - path);
    char folder[PATH_MAX];

    if (size == 0)
        return inotify_add_watch(state->fd, ".", EVENTS);
    memcpy(folder, path, size);
    folder[size] = '\0';
    return inotify_add_watch(state->fd, folder, EVENTS);
}

/* Watches its folder, or the nearest one above it. false with errno. */
static bool attach(struct state *state, struct watched_file *file)
{
    file->part =
        watch_path_part_before(file->path, file->path + strlen(file->path));
    for (;;) {
        file->folder = watch_folder(state, file->path, file->part);
        if (file->folder >= 0)
            break;
        if ((errno != ENOENT && errno != ENOTDIR) || file->part == file->path)
            return false;
        file->part = watch_path_part_before(file->path, file->part);
    }
    if (watch_path_has_stand_in(file->path, file->part))
        ev_timer_again(state->loop, &state->retry);
    return true;
}

/* ---- The list ---- */

static int add_file(struct state *state, const char *path, enum kind kind,
                    struct error *error)
{
    size_t size = strlen(path) + 1;
    struct watched_file *file = calloc(1, sizeof *file + size);
    int trouble = 0;

    if (!file)
        return error_fail(error, "cannot watch %s: out of memory", path);
    memcpy(file->path, path, size);
    file->kind = kind;
    file->next = state->first;
    state->first = file;
    if (!attach(state, file))
        trouble = errno;
    look(file); /* what comes from now on is an event */
    if (trouble == 0)
        return 0;
    ev_timer_again(state->loop, &state->retry);
    return error_errno(error, trouble, "cannot watch the folder of %s", path);
}

/* The links in the path, its last part included. */
static int add_links(struct state *state, const char *path, struct error *error)
{
    char part[PATH_MAX];
    struct stat found;
    size_t end;
    int result = 0;

    for (end = 1; end <= strlen(path); end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        memcpy(part, path, end);
        part[end] = '\0';
        if (lstat(part, &found) == 0 && S_ISLNK(found.st_mode) &&
            add_file(state, part, LINK, error) != 0)
            result = -1;
    }
    return result;
}

static int add_path(struct state *state, const char *path, struct error *error)
{
    struct watched_file *before = state->first;
    char target[PATH_MAX];
    int result;

    if (path[0] == '\0' || strlen(path) >= PATH_MAX)
        return error_fail(
            error, "cannot watch '%.80s': the path is empty or too long", path);
    result = add_links(state, path, error);
    if (state->first != before && realpath(path, target) &&
        add_file(state, target, TARGET, error) != 0)
        result = -1;
    if (add_file(state, path, ASKED_FOR, error) != 0)
        result = -1;
    return result;
}

/* Files of before that are not wanted any more; their folders' watches go when
 * no other file needs them. */
static void forget(struct state *state, struct watched_file *old)
{
    struct watched_file *next, *file;

    for (; old; old = next) {
        next = old->next;
        file = state->first;
        while (file && file->folder != old->folder)
            file = file->next;
        if (!file && old->folder >= 0)
            (void)inotify_rm_watch(state->fd, old->folder);
        free(old);
    }
}

/* Once a second, while no events come. */
static void keep_looking(struct state *state)
{
    if (!ev_is_active(&state->readable))
        ev_timer_again(state->loop, &state->retry);
}

/* Has one of the files, of which `old` are from before, changed by now? */
static bool is_news(const struct state *state, const struct watched_file *old)
{
    const struct watched_file *file;

    for (file = state->first; file; file = file->next)
        if (file->kind == ASKED_FOR && strcmp(file->path, old->path) == 0)
            return differs(file, old->exists, &old->seen);
    return false; /* no memory */
}

static void find_anew(struct state *state)
{
    struct watched_file *old = state->first, *file;
    bool changed = false;

    state->first = NULL;
    state->turned = false;
    ev_timer_stop(state->loop, &state->retry);
    for (file = old; file; file = file->next) {
        if (file->kind != ASKED_FOR)
            continue;
        (void)add_path(state, file->path, NULL); /* or later, by retry */
        changed = is_news(state, file) || changed;
    }
    forget(state, old);
    keep_looking(state);
    if (changed)
        watch_changed(state->files);
}

/* ---- Events ---- */

/* The folder itself is gone, or is no longer where it was. */
static void lose_folder(struct state *state, int folder)
{
    struct watched_file *file;

    for (file = state->first; file; file = file->next) {
        if (file->folder != folder)
            continue;
        file->folder = -1;
        state->turned = true;
    }
    if (state->turned)
        (void)inotify_rm_watch(state->fd, folder); /* it may have moved */
}

static void take_event_about(struct state *state, struct watched_file *file,
                             const struct inotify_event *event)
{
    bool named = watch_path_is_named(file->part, event->name);

    if (named && !watch_path_is_last(file->part)) {
        state->turned = true; /* one of its folders may have come */
    } else if (became_another(file) || named) {
        watch_changed(state->files);
        state->turned = state->turned || file->kind == LINK;
    }
}

static void take_event(struct state *state, const struct inotify_event *event)
{
    struct watched_file *file;

    if (event->mask & IN_Q_OVERFLOW) {
        watch_changed(state->files);
        state->turned = true;
    } else if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) {
        lose_folder(state, event->wd);
    } else if (event->len > 0) {
        for (file = state->first; file; file = file->next)
            if (file->folder == event->wd)
                take_event_about(state, file, event);
    }
}

/* The events cannot be had: the files are looked at instead, and events waited
 * for again. */
static void look_instead(struct state *state)
{
    ev_io_stop(state->loop, &state->readable);
    keep_looking(state);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct state *state = watcher->data;
    union {
        struct inotify_event first; /* for its alignment */
        char bytes[4096];
    } buffer;
    ssize_t size = -1, at = 0;

    (void)loop;
    if (!(events & EV_ERROR))
        size = read(state->fd, buffer.bytes, sizeof buffer.bytes);
    if (size < 0 &&
        ((events & EV_ERROR) || (errno != EAGAIN && errno != EINTR)))
        look_instead(state);
    while (at < size) {
        const struct inotify_event *event = (void *)(buffer.bytes + at);

        take_event(state, event);
        at += (ssize_t)(sizeof *event + event->len);
    }
    if (state->turned)
        find_anew(state);
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct state *state = watcher->data;

    (void)events;
    if (!ev_is_active(&state->readable))
        loop_watch_again(loop, &state->readable);
    find_anew(state);
}

/* ---- The way ---- */

static void *begin(struct ev_loop *loop, watch *files, struct error *error)
{
    struct state *state = calloc(1, sizeof *state);

    if (!state) {
        error_fail(error, "cannot watch files: out of memory");
        return NULL;
    }
    state->loop = loop;
    state->files = files;
    state->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (state->fd < 0) {
        error_errno(error, errno, "cannot watch files");
        free(state);
        return NULL;
    }
    ev_io_init(&state->readable, on_readable, state->fd, EV_READ);
    ev_timer_init(&state->retry, on_retry, 0., LOOK_AGAIN);
    state->readable.data = state;
    state->retry.data = state;
    ev_io_start(loop, &state->readable);
    return state;
}

static int set(void *argument, const char *const *paths, size_t count,
               struct error *error)
{
    struct state *state = argument;
    struct watched_file *old = state->first;
    size_t i;
    int result = 0;

    state->first = NULL;
    ev_timer_stop(state->loop, &state->retry);
    for (i = 0; i < count; i++)
        if (add_path(state, paths[i], error) != 0)
            result = -1;
    forget(state, old);
    keep_looking(state);
    return result;
}

static void end(void *argument)
{
    struct state *state = argument;
    struct watched_file *file;

    ev_io_stop(state->loop, &state->readable);
    ev_timer_stop(state->loop, &state->retry);
    while ((file = state->first)) {
        state->first = file->next;
        free(file);
    }
    close(state->fd); /* its watches go with it */
    free(state);
}

const struct watch_way watch_by_inotify = {begin, set, end};

#else

/* ISO C wants something in a file. */
typedef int watch_inotify_is_for_linux;

#endif
