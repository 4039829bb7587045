/* SPDX-License-Identifier: MIT */
/* Reading and writing to the end, whatever interrupts it. */
#ifndef SHOAL_BASE_FILE_H
#define SHOAL_BASE_FILE_H

#include "../shoal_types.h"

#include <sys/types.h>

/* Reads up to `room` bytes into `out`: how many, fewer only at the end of the
 * file; or -1 with an errno. */
ssize_t file_read(int fd, void *out, size_t room);
/* Writes all of them. 0, or -1 with an errno. */
int file_write(int fd, shoal_bytes bytes);

#endif
