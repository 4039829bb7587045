/* SPDX-License-Identifier: MIT */
/*
 * Children of a node: programs that it starts, whose output it keeps, and whose
 * end it waits for in its loop.
 *
 * There is no shell. A child has a process group of its own, no blocked or
 * ignored signals, and no descriptor of ours but 0, 1 and 2. Its stdin is a
 * file in memory, so nothing has to be written while it runs; stdout and stderr
 * are pipes.
 *
 * Each child is waited for by its own pid, through a pidfd where the system has
 * one and every 20 ms elsewhere: those of the host program stay the host
 * program's. When that takes ours (a handler for SIGCHLD that waits for all),
 * how the child ended is not known.
 */
#ifndef SHOAL_HOST_ACT_CHILD_H
#define SHOAL_HOST_ACT_CHILD_H

#include "../host.h"

typedef struct host_child host_child;

/* All borrowed for the call. */
typedef struct host_child_request {
    const char *const *argv; /* of at least one, then NULL. The first is a path,
                                or looked for in our PATH */
    const char *const *env;  /* "NAME=value", then NULL; NULL: ours */
    size_t own_env;          /* so many of them, the first, are not ours */
    const char *cwd;         /* NULL: ours */
    shoal_bytes input;       /* its stdin */
    uint64_t timeout_us;     /* then it is ended; SHOAL_NEVER: it may go on */
    size_t max_output;       /* bytes kept of each of stdout and stderr */
} host_child_request;

typedef struct host_child_result {
    int code;             /* -1: it did not exit by itself, or is not known */
    int signal;           /* that ended it; 0: none, or it is not known */
    shoal_bytes out, err; /* borrowed for the call */
    bool truncated;       /* there was more of one of them */
    bool timed_out;
} host_child_result;

/* Called once, in the loop, when the child has ended; NULL: the node was closed
 * before that. */
typedef void host_child_fn(void *context, const host_child_result *result);

/* NULL and `error` ("cannot run nosuch: no such file or directory"): there is
 * no child, and `fn` is not called. */
host_child *host_child_new(host *node, const host_child_request *request,
                           host_child_fn *fn, void *context,
                           struct error *error);
/* Ends its process group: TERM now, KILL when that has not helped within 2 s.
 * `fn` is called as for any other end. */
void host_child_end(host_child *child);

#endif
