/* SPDX-License-Identifier: MIT */
/*
 * Is the folder of a Unix socket ours alone? Whoever else can put a socket into
 * it can pass for the node that is looked for there.
 */
#ifndef SHOAL_CONTROL_SOCKET_FOLDER_H
#define SHOAL_CONTROL_SOCKET_FOLDER_H

#include "../base/error.h"
#include "../shoal.h"

#include <sys/un.h>

enum { SOCKET_FOLDER_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) };

/* Writes the folder that `path` (the address of a socket) is in into `out`,
 * SOCKET_FOLDER_MAX bytes. */
void socket_folder_of(const char *path, char *out);
/* Makes it, mode 0700, unless it is there. 0, or -1 and `error`. */
int socket_folder_make(const char *folder, struct error *error);
/* The same with that mode, whatever the umask. */
int socket_folder_make_open(const char *folder, unsigned mode,
                            struct error *error);
/* 0 when the folder of the socket at `path` is a folder of ours that nobody
 * else may write to, and the socket, if there is one, is ours, or when there is
 * no such folder. -1 and `error`, which says what to do, otherwise. */
int socket_folder_check(const char *path, struct error *error);

#endif
