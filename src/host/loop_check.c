/* SPDX-License-Identifier: MIT */
#include "loop_check.h"

void loop_watch_again(struct ev_loop *loop, ev_io *watcher)
{
    ev_io_stop(loop, watcher);
    ev_io_set(watcher, watcher->fd, EV_READ);
    ev_io_start(loop, watcher);
}

#ifdef __linux__

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* In a set of its own: libev's own is libev's. */
int loop_check_watching(struct ev_loop *loop, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    int set, number = 0;

    if (ev_backend(loop) != EVBACKEND_EPOLL)
        return 0;
    set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        return errno;
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0)
        number = errno;
    close(set);
    return number;
}

#else

int loop_check_watching(struct ev_loop *loop, int fd)
{
    (void)loop, (void)fd;
    return 0; /* what libev says later has to do */
}

#endif
