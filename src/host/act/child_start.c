/* SPDX-License-Identifier: MIT */
/*
 * Starting a program. posix_spawn() does it without copying our memory, and
 * nothing but the system's own code runs in between: this process has threads.
 */
#include "../../base/file.h"
#include "child_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

/* ---- Descriptors ---- */

/* Out of the way of 0, 1 and 2, which the child gets, and not inherited. */
static int move_up(int fd)
{
    if (fd < 0)
        return fd;
    if (fd > 2 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int number = errno;
    close(fd);
    errno = number;
    return moved;
}

static void close_if(int fd)
{
    if (fd >= 0)
        close(fd);
}

static int make_pipe(int fds[2])
{
#ifdef __linux__
    if (pipe2(fds, O_CLOEXEC) != 0)
        return errno;
#else
    if (pipe(fds) != 0)
        return errno;
#endif
    fds[0] = move_up(fds[0]);
    fds[1] = move_up(fds[1]);
    if (fds[0] >= 0 && fds[1] >= 0 && fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0)
        return 0;
    int number = errno;
    close_if(fds[0]);
    close_if(fds[1]);
    fds[0] = fds[1] = -1;
    return number;
}

static int open_memory(void)
{
#ifdef __linux__
    int fd = memfd_create("shoal-stdin", MFD_CLOEXEC);
    if (fd >= 0 || errno != ENOSYS)
        return fd;
#endif
    FILE *file = tmpfile();
    int copy = file ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 3) : -1;
    int number = errno;
    if (file)
        fclose(file);
    errno = number;
    return copy;
}

/* A descriptor from which the child reads `input`, or -1 and errno. */
static int open_input(shoal_bytes input)
{
    if (input.size == 0)
        return move_up(open("/dev/null", O_RDONLY | O_CLOEXEC));
    int fd = move_up(open_memory());
    if (fd < 0)
        return -1;
    if (file_write(fd, input) == 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* ---- What happens between the two programs ---- */

/* Of ours some may be without FD_CLOEXEC, if a library of the program opened
 * them. */
#ifdef __GLIBC__ /* others do not know the next macro */
#if __GLIBC_PREREQ(2, 34)
#define HAS_CLOSEFROM 1
#endif
#endif

#ifdef HAS_CLOSEFROM

static int close_others(posix_spawn_file_actions_t *actions, short *flags)
{
    (void)flags;
    return posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

#elif defined(POSIX_SPAWN_CLOEXEC_DEFAULT)

static int close_others(posix_spawn_file_actions_t *actions, short *flags)
{
    (void)actions;
    *flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
    return 0;
}

#else

/* The list has its own descriptor in it; closing one that is not open is no
 * error here. */
static int close_others(posix_spawn_file_actions_t *actions, short *flags)
{
    (void)flags;
    DIR *list = opendir("/dev/fd");
    struct dirent *entry;
    int number = 0;
    if (!list)
        return errno;
    while (number == 0 && (entry = readdir(list))) {
        long fd = strtol(entry->d_name, NULL, 10); /* 0 of "." */
        if (fd > 2)
            number = posix_spawn_file_actions_addclose(actions, (int)fd);
    }
    closedir(list);
    return number;
}

#endif

static int set_actions(posix_spawn_file_actions_t *actions, const int stdio[3],
                       const char *cwd)
{
    int number = 0;
    for (int fd = 0; fd < 3 && number == 0; fd++)
        number = posix_spawn_file_actions_adddup2(actions, stdio[fd], fd);
    if (number == 0 && cwd)
        number = posix_spawn_file_actions_addchdir_np(actions, cwd);
    return number;
}

static int set_attributes(posix_spawnattr_t *attributes, short flags)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int number = posix_spawnattr_setsigmask(attributes, &none);
    if (number == 0)
        number = posix_spawnattr_setsigdefault(attributes, &all);
    if (number == 0)
        number = posix_spawnattr_setpgroup(attributes, 0);
    flags |=
        POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
    return number == 0 ? posix_spawnattr_setflags(attributes, flags) : number;
}

static int run_prepared(const host_child_request *request, const int stdio[3],
                        posix_spawn_file_actions_t *actions,
                        posix_spawnattr_t *attributes, pid_t *pid)
{
    short flags = 0;
    int number = set_actions(actions, stdio, request->cwd);
    if (number == 0)
        number = close_others(actions, &flags);
    if (number == 0)
        number = set_attributes(attributes, flags);
    if (number != 0)
        return number;
    return posix_spawnp(pid, request->argv[0], actions, attributes,
                        (char *const *)request->argv,
                        request->env ? (char *const *)request->env : environ);
}

static int run(const host_child_request *request, const int stdio[3],
               pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&actions);
    if (number != 0)
        return number;
    number = posix_spawnattr_init(&attributes);
    if (number == 0) {
        number = run_prepared(request, stdio, &actions, &attributes, pid);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return number;
}

int child_start(const host_child_request *request, struct child_process *out)
{
    int outs[2] = {-1, -1}, errs[2] = {-1, -1};
    int input = open_input(request->input);
    int number = input < 0 ? errno : make_pipe(outs);
    if (number == 0)
        number = make_pipe(errs);
    if (number == 0) {
        const int stdio[3] = {input, outs[1], errs[1]};
        number = run(request, stdio, &out->pid);
    }
    close_if(input);
    close_if(outs[1]);
    close_if(errs[1]);
    out->out = outs[0];
    out->err = errs[0];
    if (number != 0) {
        close_if(outs[0]);
        close_if(errs[0]);
    }
    return number;
}
