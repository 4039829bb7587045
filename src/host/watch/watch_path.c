/* SPDX-License-Identifier: MIT */
#include "watch_path.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

const char *watch_path_part_before(const char *path, const char *end)
{
    while (end > path && end[-1] == '/')
        end--;
    while (end > path && end[-1] != '/')
        end--;
    return end;
}

bool watch_path_is_last(const char *part)
{
    return strchr(part, '/') == NULL;
}

bool watch_path_is_named(const char *part, const char *name)
{
    size_t size = strlen(name);

    return strcspn(part, "/") == size && memcmp(part, name, size) == 0;
}

bool watch_path_has_stand_in(const char *path, const char *part)
{
    size_t size = (size_t)(part - path) + strcspn(part, "/");
    char folder[PATH_MAX];
    struct stat found;

    if (watch_path_is_last(part) || size >= sizeof folder)
        return false;
    memcpy(folder, path, size);
    folder[size] = '\0';
    return lstat(folder, &found) == 0 && !S_ISREG(found.st_mode);
}
