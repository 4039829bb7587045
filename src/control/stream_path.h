/* SPDX-License-Identifier: MIT */
/*
 * The file that a Unix socket is: made, told apart from one that a dead process
 * left behind, removed.
 */
#ifndef SHOAL_CONTROL_STREAM_PATH_H
#define SHOAL_CONTROL_STREAM_PATH_H

#include "../base/error.h"
#include "socket_access.h"

#include <sys/stat.h>
#include <sys/un.h>

struct stream_path {
    char text[sizeof(((struct sockaddr_un *)0)->sun_path)];
    dev_t device;
    ino_t inode; /* so that only our own file is removed */
};

/* Fills the address; -1 and `error` when the path is empty or too long. */
int stream_path_address(const char *path, struct sockaddr_un *out,
                        struct error *error);
/* A listening socket (non-blocking, closed on exec) at `path`, mode 0600; or
 * -1 and `error`. */
int stream_path_listen(struct stream_path *path, const char *text,
                       const struct socket_access *access, struct error *error);
/* Removes the file, unless it is another's by now. */
void stream_path_remove(const struct stream_path *path);

#endif
