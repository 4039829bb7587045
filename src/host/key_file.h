/* SPDX-License-Identifier: MIT */
/*
 * Files of keys (../seal/keys.h says what is in them). A file is refused unless
 * it is a regular one, ours, and nobody else may read or write it. Those below
 * $CREDENTIALS_DIRECTORY are the service manager's, which sees to that.
 */
#ifndef SHOAL_HOST_KEY_FILE_H
#define SHOAL_HOST_KEY_FILE_H

#include "../seal/keys.h"

#include <sys/types.h>

/* 0, or -1 and `error`, which names the file. */
int key_file_read(const char *path, struct seal_keys *keys,
                  struct error *error);
/* The same from a descriptor, whatever it is, to its end. Closes it. */
int key_file_read_fd(int fd, struct seal_keys *keys, struct error *error);
/* What is in another file that is as secret, `kind` in errors: as text, with a
 * NUL, into `out` (`room` bytes, with the NUL). Its size, or -1 and `error`. */
ssize_t key_file_read_text(const char *kind, const char *path, char *out,
                           size_t room, struct error *error);
/* Makes a file that is not there yet, with a new key. 0, or -1 and `error`;
 * `id` is that of the key. */
int key_file_make(const char *path, char id[SEAL_ID_TEXT], struct error *error);

#endif
