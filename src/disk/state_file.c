/* SPDX-License-Identifier: MIT */
#include "state_file.h"

#include "../base/file.h"
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = 32, MOST_ASIDE = 9 };

static const char name[] = "memory", name_new[] = "memory.new",
                  name_aside[] = "memory.aside";

/* ---- The folder ---- */

static bool is_trouble(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EROFS ||
           number == EIO;
}

static int fail(struct error *error, int number, const char *what,
                const char *path)
{
    error_errno(error, number, "%s %s", what, path);
    return is_trouble(number) ? STATE_TROUBLE : STATE_REFUSED;
}

static int check_folder(const struct state_folder *folder, struct error *error)
{
    struct stat found;

    if (fstat(folder->fd, &found) != 0)
        return fail(error, errno, "cannot use the folder", folder->path);
    if (found.st_uid != geteuid())
        return error_fail(error,
                          "the folder %s belongs to another user (%lu): a "
                          "member's memory needs one of its own",
                          folder->path, (unsigned long)found.st_uid);
    if (found.st_mode & (S_IWGRP | S_IWOTH))
        return error_fail(error,
                          "other users may write to the folder %s (mode "
                          "%04o): chmod go-w it",
                          folder->path, (unsigned)(found.st_mode & 07777));
    return 0;
}

/* Where there are no locks, there is nobody to tell us. */
static int lock(const struct state_folder *folder, struct error *error)
{
    if (flock(folder->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    return error_fail(error,
                      "another member uses the folder %s: each needs its own",
                      folder->path);
}

static int open_folder(struct state_folder *folder, struct error *error)
{
    int made = mkdir(folder->path, 0700) == 0 ? 0 : errno;

    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0 && errno == ENOENT && made == EEXIST)
        return error_fail(error, "%s is a symbolic link that leads nowhere",
                          folder->path);
    if (folder->fd < 0 && errno == ENOENT)
        return fail(error, made, "cannot create the folder", folder->path);
    if (folder->fd < 0)
        return fail(error, errno, "cannot open the folder", folder->path);
    return 0;
}

int state_folder_open(struct state_folder *folder, const char *path,
                      struct error *error)
{
    int result;

    *folder = (struct state_folder){-1, strdup(path)};
    if (!folder->path)
        return error_fail(error, "out of memory");
    result = open_folder(folder, error);
    if (result == 0)
        result = check_folder(folder, error);
    if (result == 0)
        result = lock(folder, error);
    if (result != 0)
        state_folder_close(folder);
    return result;
}

void state_folder_close(struct state_folder *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    free(folder->path);
    *folder = (struct state_folder){-1, NULL};
}

/* ---- Reading ---- */

static int check_file(const struct state_folder *folder,
                      const struct stat *found, struct error *error)
{
    if (!S_ISREG(found->st_mode))
        return error_fail(error, "%s/%s is not a regular file", folder->path,
                          name);
    if (found->st_uid != geteuid() || found->st_mode & 077)
        return error_fail(error,
                          "other users may read or write %s/%s (mode %04o): "
                          "it must be yours, with mode 0600",
                          folder->path, name,
                          (unsigned)(found->st_mode & 07777));
    return 0;
}

static int read_file(const struct state_folder *folder, int fd, uint8_t **bytes,
                     size_t *size, struct error *error)
{
    struct stat found;
    ssize_t got;
    size_t room;

    if (fstat(fd, &found) != 0)
        return fail(error, errno, "cannot read the memory in", folder->path);
    if (check_file(folder, &found, error) != 0)
        return STATE_REFUSED;
    room = (size_t)found.st_size;
    if (room > SNAPSHOT_MOST) /* it is none of ours: what begins it will do */
        room = SNAPSHOT_MOST;
    *bytes = malloc(room + 1);
    if (!*bytes)
        return error_fail(error, "out of memory");
    got = file_read(fd, *bytes, room);
    *size = got > 0 ? (size_t)got : 0;
    if (got >= 0)
        return 0;
    error_errno(error, errno, "cannot read the memory in %s", folder->path);
    snapshot_free(*bytes, room);
    *bytes = NULL;
    return STATE_TROUBLE;
}

int state_file_read(const struct state_folder *folder, uint8_t **bytes,
                    size_t *size, struct error *error)
{
    int fd = openat(folder->fd, name,
                    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    int result;

    *bytes = NULL;
    *size = 0;
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 && errno == ELOOP) /* others might have made it */
        return error_fail(error, "%s/%s is a symbolic link", folder->path,
                          name);
    if (fd < 0)
        return fail(error, errno, "cannot read the memory in", folder->path);
    result = read_file(folder, fd, bytes, size, error);
    close(fd);
    return result;
}

static void name_of_aside(int i, char out[NAME])
{
    if (i == 1)
        snprintf(out, NAME, "%s", name_aside);
    else
        snprintf(out, NAME, "%s.%d", name_aside, i);
}

/* The first of these names that is not taken, else the last. */
static void choose_aside(const struct state_folder *folder, char out[NAME])
{
    for (int i = 1; i <= MOST_ASIDE; i++) {
        name_of_aside(i, out);
        if (faccessat(folder->fd, out, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
            return;
    }
}

int state_file_set_aside(const struct state_folder *folder, struct error *error)
{
    char aside[NAME];

    choose_aside(folder, aside);
    if (renameat(folder->fd, name, folder->fd, aside) == 0 || errno == ENOENT)
        return 0;
    return error_errno(error, errno, "cannot rename %s/%s", folder->path, name);
}

/* Was the file given such a name before? A start that failed behind that has
 * written no other. */
static bool is_kept(const struct state_folder *folder)
{
    struct stat found, aside;
    char other[NAME];

    if (fstatat(folder->fd, name, &found, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    for (int i = 1; i <= MOST_ASIDE; i++) {
        name_of_aside(i, other);
        if (fstatat(folder->fd, other, &aside, AT_SYMLINK_NOFOLLOW) == 0 &&
            aside.st_dev == found.st_dev && aside.st_ino == found.st_ino)
            return true;
    }
    return false;
}

/* Where files have one name each, it loses its own. */
int state_file_keep(const struct state_folder *folder, struct error *error)
{
    char aside[NAME];

    if (is_kept(folder))
        return 0;
    choose_aside(folder, aside);
    if (unlinkat(folder->fd, aside, 0) != 0 && errno != ENOENT)
        return error_errno(error, errno, "cannot remove %s/%s", folder->path,
                           aside);
    if (linkat(folder->fd, name, folder->fd, aside, 0) == 0 || errno == ENOENT)
        return 0;
    return state_file_set_aside(folder, error);
}

/* ---- Writing ---- */

/* 0, or an errno. */
static int write_new(const struct state_folder *folder, shoal_bytes bytes)
{
    int fd, number = 0;

    if (unlinkat(folder->fd, name_new, 0) != 0 && errno != ENOENT)
        return errno;
    fd = openat(folder->fd, name_new,
                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return errno;
    if (file_write(fd, bytes) != 0 || fsync(fd) != 0)
        number = errno;
    if (close(fd) != 0 && number == 0)
        number = errno;
    return number;
}

/* That the folder could not be written to the disk leaves the new state in its
 * place, and unsaid whether it would be after a power cut. */
int state_file_write(const struct state_folder *folder, shoal_bytes bytes,
                     struct error *error)
{
    int number = write_new(folder, bytes);

    if (number == 0 && renameat(folder->fd, name_new, folder->fd, name) != 0)
        number = errno;
    if (number != 0)
        (void)unlinkat(folder->fd, name_new, 0);
    else if (fsync(folder->fd) != 0)
        number = errno;
    if (number == 0)
        return 0;
    return error_errno(error, number, "cannot write %s/%s", folder->path, name);
}
