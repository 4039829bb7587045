/* SPDX-License-Identifier: MIT */
/*
 * libev's default loop, which nodes, signals and control sockets share with
 * whatever else the program has in it.
 *
 * Who asks libev for it first gets a handler for SIGCHLD along with it, which
 * waits for every child of the process and is never taken back: the program's
 * own waitpid() finds nobody then. So the one that is made here leaves the
 * signal as it was, and libev's child watchers do not work in it. A loop that
 * the program has made is taken as it is.
 */
#ifndef SHOAL_HOST_DEFAULT_LOOP_H
#define SHOAL_HOST_DEFAULT_LOOP_H

#include "../base/error.h"

#include <ev.h>

/* Borrowed. NULL and `error`: the system has none to
 * give. */
struct ev_loop *default_loop(struct error *error);
/* The same for a program that watches children with libev: one that is made
 * here catches SIGCHLD. */
struct ev_loop *default_loop_with_children(struct error *error);
/* NULL: nobody has asked for it. */
struct ev_loop *default_loop_if_made(void);

#endif
