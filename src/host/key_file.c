/* SPDX-License-Identifier: MIT */
#include "key_file.h"

#include "../base/bytes.h"
#include "../base/file.h"
#include "../seal/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 4096 /* bytes of a file */ };

/* systemd's LoadCredential= puts files there that only the service can read,
 * though they may be root's. */
static bool is_credential(const char *path)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t length = folder ? strlen(folder) : 0;

    while (length > 0 && folder[length - 1] == '/')
        length--;
    return length > 0 && strncmp(path, folder, length) == 0 &&
           path[length] == '/' && !strstr(path, "/../");
}

static int check(const char *kind, const char *path, int fd,
                 struct error *error)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return error_errno(error, errno, "cannot read the %s %s", kind, path);
    if (!S_ISREG(status.st_mode))
        return error_fail(error, "the %s %s is not a regular file", kind, path);
    if (is_credential(path))
        return 0;
    if (status.st_uid != geteuid())
        return error_fail(error,
                          "the %s %s belongs to another user: it must be "
                          "yours, with mode 0600",
                          kind, path);
    if (status.st_mode & 077)
        return error_fail(error,
                          "other users may read or write the %s %s "
                          "(mode %04o): chmod 600 it",
                          kind, path, (unsigned)(status.st_mode & 07777));
    return 0;
}

/* All of it, in one go or more: its size, or -1 with an errno. */
static ssize_t read_all(int fd, char *text)
{
    ssize_t size = file_read(fd, text, MOST);

    if (size < MOST)
        return size;
    errno = EFBIG;
    return -1;
}

static int read_keys(int fd, const char *what, struct seal_keys *keys,
                     struct error *error)
{
    char text[MOST];
    struct error problem;
    ssize_t size = read_all(fd, text);
    int result;

    if (size < 0)
        return error_errno(error, errno, "cannot read %s", what);
    result = seal_keys_read(keys, text, (size_t)size, &problem);
    crypto_wipe(text, sizeof text);
    return result == 0 ? 0 : error_fail(error, "%s: %s", what, problem.text);
}

static int check_build(struct error *error)
{
    return *seal_problem() ? error_fail(error, "%s", seal_problem()) : 0;
}

static int open_secret(const char *kind, const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return error_errno(error, errno, "cannot read the %s %s", kind, path);
    return fd;
}

ssize_t key_file_read_text(const char *kind, const char *path, char *out,
                           size_t room, struct error *error)
{
    int fd = open_secret(kind, path, error);
    ssize_t size = -1;

    if (fd < 0)
        return -1;
    if (check(kind, path, fd, error) == 0) {
        size = file_read(fd, out, room);
        if (size < 0)
            error_errno(error, errno, "cannot read the %s %s", kind, path);
        else if ((size_t)size == room)
            size = error_fail(error, "the %s %s is too large", kind, path);
        else
            out[size] = '\0';
    }
    close(fd);
    return size;
}

int key_file_read(const char *path, struct seal_keys *keys, struct error *error)
{
    char what[300];
    int fd, result;

    if (check_build(error) != 0)
        return -1;
    fd = open_secret("key file", path, error);
    if (fd < 0)
        return -1;
    result = check("key file", path, fd, error);
    snprintf(what, sizeof what, "the key file %s", path);
    if (result == 0)
        result = read_keys(fd, what, keys, error);
    close(fd);
    return result;
}

int key_file_read_fd(int fd, struct seal_keys *keys, struct error *error)
{
    char what[40];
    int result;

    if (check_build(error) != 0)
        return -1;
    snprintf(what, sizeof what, "descriptor %d", fd);
    result = read_keys(fd, what, keys, error);
    close(fd);
    return result;
}

int key_file_make(const char *path, char id[SEAL_ID_TEXT], struct error *error)
{
    char text[CRYPTO_TEXT];
    struct seal_keys keys = {0};
    int fd, number = 0;

    if (check_build(error) != 0)
        return -1;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return error_errno(error, errno, "cannot create %s", path);
    seal_keys_generate(text);
    (void)seal_keys_add(&keys, text, strlen(text), NULL);
    seal_key_format_id(&keys.list[0], id);
    text[strlen(text)] = '\n'; /* in the place of the NUL */
    if (file_write(fd, bytes_of(text, CRYPTO_TEXT)) != 0 || fsync(fd) != 0)
        number = errno;
    if (close(fd) != 0 && number == 0)
        number = errno;
    crypto_wipe(text, sizeof text);
    crypto_wipe(&keys, sizeof keys);
    if (number == 0)
        return 0;
    (void)unlink(path);
    return error_errno(error, number, "cannot write %s", path);
}
