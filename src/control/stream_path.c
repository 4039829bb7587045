/* SPDX-License-Identifier: MIT */
#include "stream_path.h"

#include "../base/error.h"
#include "socket_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 16, LOCK_TRIES = 40, LOCK_PAUSE_NS = 5 * 1000000 };

int stream_path_address(const char *path, struct sockaddr_un *out,
                        struct error *error)
{
    size_t size = strlen(path);

    if (size == 0)
        return error_fail(error, "the path of the socket is empty");
    if (size >= sizeof out->sun_path)
        return error_fail(error,
                          "%s: the path of a socket has at most %zu bytes",
                          path, sizeof out->sun_path - 1);
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, path, size);
    return 0;
}

/* ---- Its folder ---- */

/* Two nodes that start at once must not take each other's new socket for a
 * stale one: the folder is locked meanwhile. A folder that cannot be locked (a
 * file system without locks, somebody who sits on it) does without. */
static int lock_folder(const char *folder)
{
    const struct timespec pause = {0, LOCK_PAUSE_NS};
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), i;

    for (i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            break;
        nanosleep(&pause, NULL);
    }
    return fd;
}

static void unlock_folder(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* ---- The socket ---- */

static int make_socket(void)
{
#ifdef SOCK_CLOEXEC
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    return fd;
#endif
}

/* A full queue of connections is a sign of life, too. */
static bool is_listened_on(const struct sockaddr_un *address)
{
    int fd = make_socket();
    bool alive;

    if (fd < 0)
        return true;
    alive =
        connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
        (errno != ECONNREFUSED && errno != ENOENT);
    close(fd);
    return alive;
}

/* Makes way at the path: nothing there, or a stale socket. */
static int clear_way(const struct sockaddr_un *address, struct error *error)
{
    const char *path = address->sun_path;
    struct stat found;

    if (lstat(path, &found) != 0) {
        if (errno == ENOENT)
            return 0;
        return error_errno(error, errno, "cannot listen on %s", path);
    }
    if (!S_ISSOCK(found.st_mode))
        return error_fail(
            error, "cannot listen on %s: it exists and is not a socket", path);
    if (is_listened_on(address))
        return error_fail(error, "%s is in use by another node", path);
    if (unlink(path) != 0 && errno != ENOENT)
        return error_errno(error, errno, "cannot replace the stale socket %s",
                           path);
    return 0;
}

/* With mode 0600, and nobody slips in before: on Linux the file has the mode of
 * the socket from the start, and elsewhere nobody can connect before listen().
 * Not by umask(), which all threads of the process share. */
static int bind_privately(int fd, const struct sockaddr_un *address)
{
    struct stat made;

    (void)fchmod(fd, 0600);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0)
        return -1;
    if (lstat(address->sun_path, &made) != 0)
        return -1;
    if (!S_ISSOCK(made.st_mode)) { /* somebody else is at work there */
        errno = ENOTSOCK;
        return -1;
    }
    if ((made.st_mode & 07777) == 0600)
        return 0;
    return chmod(address->sun_path, 0600); /* or what the umask took away */
}

/* From ours alone to theirs: at no time anybody's but those two. */
static int hand_over(const char *path, const struct socket_access *access)
{
    if (socket_access_has_owner(access) &&
        lchown(path, access->uid, access->gid) != 0)
        return -1;
    return access->mode == 0600 ? 0 : chmod(path, access->mode);
}

static int bind_and_listen(const struct sockaddr_un *address,
                           const struct socket_access *access,
                           struct error *error)
{
    int fd;

    if (clear_way(address, error) != 0)
        return -1;
    fd = make_socket();
    if (fd < 0)
        return error_errno(error, errno, "cannot create a socket");
    if (bind_privately(fd, address) != 0 || listen(fd, BACKLOG) != 0) {
        error_errno(error, errno, "cannot listen on %s", address->sun_path);
        close(fd);
        return -1;
    }
    if (hand_over(address->sun_path, access) != 0) {
        error_errno(error, errno, "cannot give %s away", address->sun_path);
        unlink(address->sun_path);
        close(fd);
        return -1;
    }
    return fd;
}

int stream_path_listen(struct stream_path *path, const char *text,
                       const struct socket_access *access, struct error *error)
{
    char folder[SOCKET_FOLDER_MAX];
    struct sockaddr_un address;
    struct stat made;
    int fd, lock;

    if (stream_path_address(text, &address, error) != 0)
        return -1;
    memcpy(path->text, address.sun_path, sizeof path->text);
    socket_folder_of(path->text, folder);
    if (socket_folder_make(folder, access, error) != 0)
        return -1;
    lock = lock_folder(folder);
    fd = bind_and_listen(&address, access, error);
    if (fd >= 0 && lstat(path->text, &made) == 0) {
        path->device = made.st_dev;
        path->inode = made.st_ino;
    }
    unlock_folder(lock);
    return fd;
}

void stream_path_remove(const struct stream_path *path)
{
    struct stat found;

    if (lstat(path->text, &found) == 0 && found.st_dev == path->device &&
        found.st_ino == path->inode)
        unlink(path->text);
}
