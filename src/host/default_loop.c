/* SPDX-License-Identifier: MIT */
#include "default_loop.h"

#include "../base/error.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

/* libev ends the process when it gets no descriptors for the pipe (or eventfd)
 * that signals and threads wake it with. It makes that with the loop. */
static bool has_descriptors(void)
{
    int fds[2];

    if (pipe(fds) != 0)
        return false;
    close(fds[0]);
    close(fds[1]);
    return true;
}

/* A child that ends meanwhile must not be libev's: the signal waits. */
static struct ev_loop *make_without_children(void)
{
    struct sigaction before;
    struct ev_loop *loop;
    sigset_t child, mask;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &child, &mask);
    sigaction(SIGCHLD, NULL, &before);
    loop = ev_default_loop(0);
    sigaction(SIGCHLD, &before, NULL);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return loop;
}

static struct ev_loop *get(struct ev_loop *(*make)(void), struct error *error)
{
    struct ev_loop *loop = default_loop_if_made();

    if (loop)
        return loop;
    if (!has_descriptors()) {
        error_errno(error, errno, "cannot create an event loop");
        return NULL;
    }
    loop = make();
    if (!loop)
        error_fail(
            error,
            "cannot create an event loop: libev found no usable backend");
    return loop;
}

static struct ev_loop *make_with_children(void)
{
    return ev_default_loop(0);
}

struct ev_loop *default_loop(struct error *error)
{
    return get(make_without_children, error);
}

struct ev_loop *default_loop_with_children(struct error *error)
{
    return get(make_with_children, error);
}

struct ev_loop *default_loop_if_made(void)
{
    return EV_DEFAULT_UC;
}
