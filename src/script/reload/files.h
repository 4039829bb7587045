/* SPDX-License-Identifier: MIT */
/*
 * The files that a script is made of: itself and the modules it required, each
 * with a hash of its content as it was when it was read. From them follow what
 * to watch, and whether anything has changed.
 *
 * A file that was looked for and not found is kept too: its coming is a change.
 */
#ifndef SHOAL_SCRIPT_RELOAD_FILES_H
#define SHOAL_SCRIPT_RELOAD_FILES_H

#include "../../base/error.h"
#include "../../shoal.h"

#include <lua.h>

enum { FILES_MAX_SIZE = 16 << 20 /* bytes of one file */ };

struct file {
    char *path;
    uint64_t hash; /* of the content */
    bool missing;
    bool told; /* that it was deleted, see files_next_deleted() */
};

/* Zeroed, it is empty and ready. */
struct files {
    struct file *list;
    size_t count, room;
};

/* Reads a file and adds it, unless a file of that path is there already. 0 and
 * its bytes (the caller frees them), or -1 and `error`: "cannot read x.lua: no
 * such file". */
int files_read(struct files *files, const char *path, char **content,
               size_t *size, struct error *error);
/* Notes that there is no such file. 0, or -1 (no memory). */
int files_add_missing(struct files *files, const char *path);
/* Does any of them look different on disk now? A file that cannot be read
 * does. */
bool files_have_changed(const struct files *files);
/* A file that was read and does not exist now, or NULL; each is answered once,
 * until it is there again. Borrowed. */
const char *files_next_deleted(struct files *files);
/* Of all contents in order: the same for one script on every host. */
uint64_t files_hash(const struct files *files);
/* Pushes the list of the paths that were read. May raise. */
void files_push(lua_State *L, const struct files *files);
/* Frees all; it is empty then. */
void files_clear(struct files *files);

#endif
