/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Any thread may look at them. */
static struct fault {
    const char *name;
    int number;     /* the errno; 0: the call does what it does */
    unsigned calls; /* of it so far */
} faults[] = {
    {"epoll_ctl", 0, 0}, {"recvmmsg", 0, 0},   {"recvmsg", 0, 0},
    {"sendmmsg", 0, 0},  {"sendmsg", 0, 0},    {"accept4", 0, 0},
    {"poll", 0, 0},      {"epoll_wait", 0, 0}, {"pipe", 0, 0},
    {"fsync", 0, 0},
};

void fault_set(int which, int number)
{
    __atomic_store_n(&faults[which].number, number, __ATOMIC_SEQ_CST);
    __atomic_store_n(&faults[which].calls, 0, __ATOMIC_SEQ_CST);
}

unsigned fault_calls(int which)
{
    return __atomic_load_n(&faults[which].calls, __ATOMIC_SEQ_CST);
}

static void set_by_name(const char *name, size_t size, int number)
{
    size_t i;

    for (i = 0; i < sizeof faults / sizeof *faults; i++)
        if (strlen(faults[i].name) == size &&
            memcmp(faults[i].name, name, size) == 0)
            faults[i].number = number;
}

__attribute__((constructor)) static void read_environment(void)
{
    const char *at = getenv("SHOAL_FAULTS"), *colon;

    while (at && (colon = strchr(at, ':'))) {
        set_by_name(at, (size_t)(colon - at), atoi(colon + 1));
        at = strchr(colon, ',');
        at = at ? at + 1 : NULL;
    }
}

/* Counts the call; true: it is to fail. */
static bool fails(int which)
{
    int number = __atomic_load_n(&faults[which].number, __ATOMIC_SEQ_CST);

    __atomic_add_fetch(&faults[which].calls, 1, __ATOMIC_SEQ_CST);
    if (number != 0)
        errno = number;
    return number != 0;
}

/* For libraries to find before libc's. */
#pragma GCC visibility push(default)

int epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    if (fails(EPOLL_CTL))
        return -1;
    return (int)syscall(SYS_epoll_ctl, set, operation, fd, event);
}

int epoll_wait(int set, struct epoll_event *events, int count, int timeout_ms)
{
    if (fails(EPOLL_WAIT))
        return -1;
    return (int)syscall(SYS_epoll_pwait, set, events, count, timeout_ms, NULL,
                        (size_t)8);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
             struct timespec *timeout)
{
    if (fails(RECVMMSG))
        return -1;
    return (int)syscall(SYS_recvmmsg, fd, messages, count, flags, timeout);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    if (fails(RECVMSG))
        return -1;
    return syscall(SYS_recvmsg, fd, message, flags);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    if (fails(SENDMMSG))
        return -1;
    return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (fails(SENDMSG))
        return -1;
    return syscall(SYS_sendmsg, fd, message, flags);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    if (fails(ACCEPT4))
        return -1;
    return (int)syscall(SYS_accept4, fd, address, size, flags);
}

int pipe(int ends[2])
{
    if (fails(PIPE))
        return -1;
    return (int)syscall(SYS_pipe2, ends, 0);
}

int fsync(int fd)
{
    if (fails(FSYNC))
        return -1;
    return (int)syscall(SYS_fsync, fd);
}

int poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};

    if (fails(POLL))
        return -1;
    return (int)syscall(SYS_ppoll, watched, count,
                        timeout_ms < 0 ? NULL : &timeout, NULL, 0);
}

#pragma GCC visibility pop
