/* SPDX-License-Identifier: MIT */
#include "supervisor.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or "@name" of the abstract kind. 0, or -1. */
static int read_address(const char *path, struct sockaddr_un *address,
                        socklen_t *size, struct error *error)
{
    size_t length = strlen(path);

    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if ((path[0] != '/' && path[0] != '@') || path[1] == '\0' ||
        length >= sizeof address->sun_path)
        return error_fail(
            error, "$NOTIFY_SOCKET is no path of a socket: '%.200s'", path);
    memcpy(address->sun_path, path, length);
    if (path[0] == '@')
        address->sun_path[0] = '\0';
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
                        (path[0] == '/')); /* with the NUL that ends a path */
    return 0;
}

int supervisor_tell(const char *state, struct error *error)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t size = 0;

    if (!path || *path == '\0')
        return 0;
    if (read_address(path, &address, &size, error) != 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(error, errno, "no socket for $NOTIFY_SOCKET");
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                          (struct sockaddr *)&address, size);
    int failure = errno;
    close(fd);
    if (sent < 0)
        return error_errno(error, failure, "cannot tell $NOTIFY_SOCKET %.200s",
                           path);
    return 1;
}

bool supervisor_reads(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(fd, &status) == 0 && status.st_dev == device &&
           status.st_ino == inode;
}
