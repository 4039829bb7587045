/* SPDX-License-Identifier: MIT */
/*
 * The folder in which a member keeps its memory, and the one file in it.
 *
 *   memory        the last state that was written whole
 *   memory.new    the next one, while it is written
 *   memory.aside  one that could not be used, or not all of it; further ones
 * are memory.aside.2 to .9, the last of which the next takes the place of
 *
 * A state is written to memory.new, and that to the disk (fsync); then it takes
 * the name of the old one, and the folder goes to the disk as well. Whatever
 * fails on the way, and whenever the process is killed, there is the old state
 * or the new one.
 *
 * There may be keys in the file: it has mode 0600, and a folder that others may
 * write to is refused, as is one of another user. Two members cannot have one
 * folder: the first locks it for as long as it has it open.
 */
#ifndef SHOAL_DISK_STATE_FILE_H
#define SHOAL_DISK_STATE_FILE_H

#include "../base/error.h"
#include "../shoal.h"

enum {
    STATE_REFUSED = -1, /* the operator has to see to it */
    STATE_TROUBLE = -2  /* the disk is full, read-only or broken */
};

struct state_folder {
    int fd; /* -1: not open */
    char *path;
};

/* Makes the folder if need be (its parent must be there), and locks it. 0, or
 * STATE_* and `error`; then it is not open. */
int state_folder_open(struct state_folder *folder, const char *path,
                      struct error *error);
/* Unlocks it; fine if it is not open. */
void state_folder_close(struct state_folder *folder);

/* The file's bytes (free them with snapshot_free()); NULL: there is none. 0, or
 * STATE_* and `error`. */
int state_file_read(const struct state_folder *folder, uint8_t **bytes,
                    size_t *size, struct error *error);
/* Gives the file a name of those, if there is one. 0, or -1 and `error`. */
int state_file_set_aside(const struct state_folder *folder,
                         struct error *error);
/* The same, and it keeps its own name, too, where a file can have two. Done
 * again with the same file, it changes nothing. */
int state_file_keep(const struct state_folder *folder, struct error *error);
/* 0, or -1 and `error`: then the old file is there. Any thread may call it, one
 * at a time. */
int state_file_write(const struct state_folder *folder, shoal_bytes bytes,
                     struct error *error);

#endif
