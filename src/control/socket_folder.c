/* SPDX-License-Identifier: MIT */
#include "socket_folder.h"

#include "../base/error.h"
#include "stream_path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void socket_folder_of(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash ? (size_t)(slash - path) : 0;

    if (!slash)
        memcpy(out, ".", 2);
    else if (size == 0)
        memcpy(out, "/", 2);
    else {
        memcpy(out, path, size);
        out[size] = '\0';
    }
}

int socket_folder_make(const char *folder, const struct socket_access *access,
                       struct error *error)
{
    mode_t mode = socket_access_folder_mode(access);

    if (mkdir(folder, 0700) != 0)
        return errno == EEXIST
                   ? 0
                   : error_errno(error, errno, "cannot create the folder %s",
                                 folder);
    if ((socket_access_has_owner(access) &&
         lchown(folder, access->uid, access->gid) != 0) ||
        (mode != 0700 && chmod(folder, mode) != 0))
        return error_errno(error, errno, "cannot give the folder %s away",
                           folder);
    return 0;
}

/* Root can do what it likes anyway. */
static bool is_trusted(uid_t found, uid_t owner)
{
    return found == geteuid() || found == 0 || found == owner;
}

static int check_folder(const char *folder, const struct stat *found,
                        uid_t owner, struct error *error)
{
    static const char start[] = "cannot use";
    unsigned mode = found->st_mode & 07777;

    if (S_ISLNK(found->st_mode))
        return error_fail(error, "%s %s: it is a symbolic link; remove it",
                          start, folder);
    if (!S_ISDIR(found->st_mode))
        return error_fail(error, "%s %s: it is not a folder; remove it", start,
                          folder);
    if (!is_trusted(found->st_uid, owner))
        return error_fail(
            error,
            "%s %s: it belongs to user %lu; set XDG_RUNTIME_DIR to a "
            "folder of your own",
            start, folder, (unsigned long)found->st_uid);
    if (mode & (S_IWGRP | S_IWOTH))
        return error_fail(
            error,
            "%s %s: other users can write to it (mode %04o); run chmod go-w %s",
            start, folder, mode, folder);
    return 0;
}

static int fail_to_look(const char *folder, struct error *error)
{
    return error_fail(
        error,
        "cannot use %s: %s; set XDG_RUNTIME_DIR to a folder of your "
        "own",
        folder, error_text(errno));
}

int socket_folder_check(const char *path, uid_t owner, struct error *error)
{
    struct sockaddr_un address;
    char folder[SOCKET_FOLDER_MAX];
    struct stat found;

    if (stream_path_address(path, &address, error) != 0)
        return -1;
    socket_folder_of(path, folder);
    if (lstat(folder, &found) != 0)
        return errno == ENOENT ? 0 : fail_to_look(folder, error);
    if (check_folder(folder, &found, owner, error) != 0)
        return -1;
    if (lstat(path, &found) == 0 && !is_trusted(found.st_uid, owner))
        return error_fail(error,
                          "cannot use %s: it belongs to user %lu; remove it",
                          path, (unsigned long)found.st_uid);
    return 0;
}
