/* SPDX-License-Identifier: MIT */
#include "io.h"

#include "../../base/list.h"
#include "../node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

struct host_io {
    host_io *next, **place; /* in the node's list */
    host *node;
    ev_io watcher;
    host_io_fn *fn;
    void *context;
    bool firing, over;
};

static void discard(host_io *io)
{
    ev_io_stop(io->node->loop, &io->watcher);
    LIST_REMOVE(io);
    free(io);
}

/* `fn` may cancel it and close the node; both wait until it is back. */
static void on_ready(struct ev_loop *loop, ev_io *watcher, int events)
{
    host_io *io = watcher->data;
    host *node = io->node;

    (void)loop;
    host_enter(node);
    io->firing = true;
    io->over = (events & EV_ERROR) != 0;
    io->fn(io->context, io->over ? EBADF : 0);
    io->firing = false;
    if (io->over)
        discard(io);
    host_leave(node);
}

static void end_ios(host *node)
{
    while (node->ios)
        discard(node->ios);
}

host_io *host_io_new(host *node, int fd, bool writes, host_io_fn *fn,
                     void *context, struct error *error)
{
    int number =
        fcntl(fd, F_GETFD) < 0 ? errno : loop_check_watching(node->loop, fd);
    host_io *io = number == 0 ? calloc(1, sizeof *io) : NULL;

    if (!io) {
        error_errno(error, number ? number : ENOMEM,
                    "cannot watch descriptor %d", fd);
        return NULL;
    }
    io->node = node;
    io->fn = fn;
    io->context = context;
    node->end_acts[HOST_IOS] = end_ios;
    LIST_PUSH(node->ios, io);
    ev_io_init(&io->watcher, on_ready, fd, writes ? EV_WRITE : EV_READ);
    io->watcher.data = io;
    ev_io_start(node->loop, &io->watcher);
    return io;
}

void host_io_cancel(host_io *io)
{
    if (io->firing)
        io->over = true;
    else
        discard(io);
}
