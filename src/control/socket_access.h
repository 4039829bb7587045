/* SPDX-License-Identifier: MIT */
/* Who may use a Unix socket: its mode, and whose it is. */
#ifndef SHOAL_CONTROL_SOCKET_ACCESS_H
#define SHOAL_CONTROL_SOCKET_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct socket_access {
    mode_t mode;
    uid_t uid; /* (uid_t)-1: who makes it */
    gid_t gid; /* (gid_t)-1: the same */
};

/* Who makes it, and nobody else. */
static inline struct socket_access socket_access_private(void)
{
    return (struct socket_access){0600, (uid_t)-1, (gid_t)-1};
}

static inline bool socket_access_has_owner(const struct socket_access *access)
{
    return access->uid != (uid_t)-1 || access->gid != (gid_t)-1;
}

/* That of the folder that is made for the socket: whoever may use the one has
 * to get through the other. */
static inline mode_t socket_access_folder_mode(
    const struct socket_access *access)
{
    return 0700 | (access->mode & 0060 ? 0050 : 0) |
           (access->mode & 0006 ? 0005 : 0);
}

#endif
