/* SPDX-License-Identifier: MIT */
/*
 * Is the folder of a Unix socket ours alone? Whoever else can put a socket into
 * it can pass for the node that is looked for there.
 */
#ifndef SHOAL_CONTROL_SOCKET_FOLDER_H
#define SHOAL_CONTROL_SOCKET_FOLDER_H

#include "../base/error.h"
#include "../shoal.h"
#include "socket_access.h"

#include <sys/un.h>

enum { SOCKET_FOLDER_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) };

/* Writes the folder that `path` (the address of a socket) is in into `out`,
 * SOCKET_FOLDER_MAX bytes. */
void socket_folder_of(const char *path, char *out);
/* Makes it, for those who may use the socket (mode 0700 for us alone), unless
 * it is there. 0, or -1 and `error`. */
int socket_folder_make(const char *folder, const struct socket_access *access,
                       struct error *error);
/* 0 when the folder of the socket at `path` is a folder of ours, of root or of
 * `owner` ((uid_t)-1: of nobody else) that nobody else may write to, and so is
 * the socket, if there is one, or when there is no such folder. -1 and `error`,
 * which says what to do, otherwise. */
int socket_folder_check(const char *path, uid_t owner, struct error *error);

#endif
