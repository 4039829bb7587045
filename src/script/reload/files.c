/* SPDX-License-Identifier: MIT */
#include "files.h"

#include "../../base/error.h"
#include "../../base/file.h"
#include "../../base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Reading ---- */

/* Opens a regular file and tells its size; -1 with errno. Not blocking, since
 * somebody may have put a FIFO there. */
static int open_file(const char *path, size_t *size)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0) {
        if (S_ISDIR(status.st_mode))
            errno = EISDIR;
        else if (!S_ISREG(status.st_mode))
            errno = EINVAL;
        else if (status.st_size > FILES_MAX_SIZE)
            errno = EFBIG;
        else {
            *size = (size_t)status.st_size;
            return fd;
        }
    }
    int trouble = errno;
    close(fd);
    errno = trouble;
    return -1;
}

/* The whole content, or NULL with errno. What is appended while we read is not
 * part of it: the watch tells of it later. */
static char *read_file(const char *path, size_t *size)
{
    size_t room = 0;
    int fd = open_file(path, &room);
    if (fd < 0)
        return NULL;
    char *content = malloc(room + 1);
    ssize_t used = content ? file_read(fd, content, room) : -1;
    int trouble = content ? errno : ENOMEM;
    close(fd);
    if (used < 0) {
        free(content);
        errno = trouble;
        return NULL;
    }
    *size = (size_t)used;
    return content;
}

/* ---- The list ---- */

static struct file *find(const struct files *files, const char *path)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->list[i].path, path) == 0)
            return &files->list[i];
    }
    return NULL;
}

/* The entry of that path, a new one if need be; NULL: no memory. */
static struct file *add(struct files *files, const char *path)
{
    struct file *file = find(files, path);
    if (file)
        return file;
    if (files->count == files->room) {
        size_t room = files->room ? files->room * 2 : 8;
        struct file *list = realloc(files->list, room * sizeof *list);
        if (!list)
            return NULL;
        files->list = list;
        files->room = room;
    }
    char *copy = strdup(path);
    if (!copy)
        return NULL;
    file = &files->list[files->count++];
    *file = (struct file){.path = copy};
    return file;
}

static const char *describe(int trouble)
{
    if (trouble == EINVAL)
        return "not a regular file";
    if (trouble == EFBIG)
        return "larger than 16 MiB";
    return strerror(trouble);
}

int files_read(struct files *files, const char *path, char **content,
               size_t *size, struct error *error)
{
    *content = read_file(path, size);
    if (!*content) {
        error_fail(error, "cannot read %s: %s", path, describe(errno));
        return -1;
    }
    struct file *file = add(files, path);
    if (!file) {
        free(*content);
        *content = NULL;
        error_fail(error, "out of memory");
        return -1;
    }
    file->missing = false;
    file->hash = hash_more(HASH_START, *content, *size);
    return 0;
}

int files_add_missing(struct files *files, const char *path)
{
    if (find(files, path))
        return 0;
    struct file *file = add(files, path);
    if (!file)
        return -1;
    file->missing = true;
    return 0;
}

/* ---- Questions about them ---- */

static bool has_changed(const struct file *file)
{
    size_t size = 0;
    char *content = read_file(file->path, &size);
    if (!content)
        return !file->missing;
    uint64_t hash = hash_more(HASH_START, content, size);
    free(content);
    return file->missing || hash != file->hash;
}

bool files_have_changed(const struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (has_changed(&files->list[i]))
            return true;
    }
    return false;
}

static bool is_deleted(const struct file *file)
{
    return !file->missing && access(file->path, F_OK) != 0 &&
           (errno == ENOENT || errno == ENOTDIR);
}

const char *files_next_deleted(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct file *file = &files->list[i];
        bool was_told = file->told;
        file->told = is_deleted(file);
        if (file->told && !was_told)
            return file->path;
    }
    return NULL;
}

uint64_t files_hash(const struct files *files)
{
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < files->count; i++) {
        const struct file *file = &files->list[i];
        if (file->missing)
            continue;
        hash = hash_more(hash, &file->hash, sizeof file->hash);
    }
    return hash;
}

void files_push(lua_State *L, const struct files *files)
{
    int count = 0;
    lua_newtable(L);
    for (size_t i = 0; i < files->count; i++) {
        if (files->list[i].missing)
            continue;
        lua_pushstring(L, files->list[i].path);
        lua_rawseti(L, -2, ++count);
    }
}

void files_clear(struct files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->list[i].path);
    free(files->list);
    *files = (struct files){0};
}
