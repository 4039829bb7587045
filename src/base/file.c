/* SPDX-License-Identifier: MIT */
#include "file.h"

#include <errno.h>
#include <unistd.h>

ssize_t file_read(int fd, void *out, size_t room)
{
    uint8_t *bytes = out;
    size_t used = 0;

    while (used < room) {
        ssize_t got = read(fd, bytes + used, room - used);

        if (got == 0)
            break;
        if (got > 0)
            used += (size_t)got;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)used;
}

int file_write(int fd, shoal_bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);

        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            bytes.data += written;
            bytes.size -= (size_t)written;
        }
    }
    return 0;
}
