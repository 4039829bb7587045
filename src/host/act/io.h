/* SPDX-License-Identifier: MIT */
/* Descriptors that a program has watched in the node's loop. */
#ifndef SHOAL_HOST_ACT_IO_H
#define SHOAL_HOST_ACT_IO_H

#include "../host.h"

typedef struct host_io host_io;

/* The descriptor is ready; `error` (an errno) is not 0: it cannot be watched
 * any more, and `fn` is not called again. EBADF: it was closed, even if another
 * file has its number now. */
typedef void host_io_fn(void *context, int error);

/* Calls `fn` in every turn of the loop in which `fd`, which stays the caller's,
 * can be read or written. Cancel it before `fd` is closed. NULL and `error`:
 * not this one. */
host_io *host_io_new(host *node, int fd, bool writes, host_io_fn *fn,
                     void *context, struct error *error);
/* May be called inside of its own `fn`. host_close() frees those that are left.
 */
void host_io_cancel(host_io *io);

#endif
