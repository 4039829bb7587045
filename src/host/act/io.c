/* SPDX-License-Identifier: MIT */
/*
 * A descriptor belongs to the program, which may close it and forget the watch.
 * libev asserts that the system knows each descriptor whose watchers it
 * changes, or that it registers again (in a new set, after a stray event); it
 * does both right behind the prepare watchers. So each watch looks there, in
 * every turn, whether its descriptor is still the same file (a system call),
 * and is given up otherwise. No code of the program runs between that and
 * libev's own work.
 */
#include "io.h"

#include "../../base/list.h"
#include "../node.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

struct host_io {
    host_io *next, **place; /* in the node's list */
    host *node;
    ev_io watcher;
    ev_prepare guard; /* see above */
    ev_timer lost;    /* fires when the guard has given the watch up */
    dev_t device;     /* which file the descriptor is: another one may get */
    ino_t file;       /* its number */
    host_io_fn *fn;
    void *context;
    bool firing, over;
};

static void stop(host_io *io)
{
    ev_io_stop(io->node->loop, &io->watcher);
    ev_prepare_stop(io->node->loop, &io->guard);
    ev_timer_stop(io->node->loop, &io->lost);
}

static void discard(host_io *io)
{
    stop(io);
    LIST_REMOVE(io);
    free(io);
}

/* `fn` may cancel it and close the node; both wait until it is back. */
static void tell(host_io *io, int error)
{
    host *node = io->node;

    host_enter(node);
    io->firing = true;
    io->over = error != 0;
    io->fn(io->context, error);
    io->firing = false;
    if (io->over)
        discard(io);
    host_leave(node);
}

/* ---- Is it still there? ---- */

static bool is_same(const host_io *io)
{
    struct stat now;

    return fstat(io->watcher.fd, &now) == 0 && now.st_dev == io->device &&
           now.st_ino == io->file;
}

/* The program is told later: its code must not run now. */
static void on_guard(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    host_io *io = watcher->data;

    (void)events;
    if (is_same(io))
        return;
    stop(io);
    ev_timer_start(loop, &io->lost);
}

static void on_lost(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)events;
    tell(watcher->data, EBADF);
}

/* EV_ERROR: libev has given it up, for want of memory or of a better system. */
static void on_ready(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    tell(watcher->data, events & EV_ERROR ? EIO : 0);
}

/* ---- Its life ---- */

static void end_ios(host *node)
{
    while (node->ios)
        discard(node->ios);
}

static int check(const host *node, int fd, struct stat *file)
{
    return fstat(fd, file) != 0 ? errno : loop_check_watching(node->loop, fd);
}

/* The guard comes behind all code that may close the descriptor. */
static void start(host_io *io, int fd, bool writes)
{
    ev_io_init(&io->watcher, on_ready, fd, writes ? EV_WRITE : EV_READ);
    ev_prepare_init(&io->guard, on_guard);
    ev_set_priority(&io->guard, EV_MINPRI);
    ev_timer_init(&io->lost, on_lost, 0., 0.);
    io->watcher.data = io->guard.data = io->lost.data = io;
    ev_io_start(io->node->loop, &io->watcher);
    ev_prepare_start(io->node->loop, &io->guard);
}

host_io *host_io_new(host *node, int fd, bool writes, host_io_fn *fn,
                     void *context, struct error *error)
{
    struct stat file;
    int number = check(node, fd, &file);
    host_io *io = number == 0 ? calloc(1, sizeof *io) : NULL;

    if (!io) {
        error_errno(error, number ? number : ENOMEM,
                    "cannot watch descriptor %d", fd);
        return NULL;
    }
    io->node = node;
    io->device = file.st_dev;
    io->file = file.st_ino;
    io->fn = fn;
    io->context = context;
    node->end_acts[HOST_IOS] = end_ios;
    LIST_PUSH(node->ios, io);
    start(io, fd, writes);
    return io;
}

void host_io_cancel(host_io *io)
{
    if (io->firing)
        io->over = true;
    else
        discard(io);
}
