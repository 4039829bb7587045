/* SPDX-License-Identifier: MIT */
/*
 * What a child is made of; for the files about children only.
 *
 *   child.c         its life: watched, ended, told of
 *   child_start.c   how it is started
 *   child_output.c  what it writes
 */
#ifndef SHOAL_HOST_ACT_CHILD_PARTS_H
#define SHOAL_HOST_ACT_CHILD_PARTS_H

#include "../../base/buffer.h"
#include "child.h"

#include <sys/types.h>

/* ---- child_start.c ---- */

struct child_process {
    pid_t pid;
    int out, err; /* to read from, non-blocking; the caller closes them */
};

/* 0, or an errno. */
int child_start(const host_child_request *request, struct child_process *out);

/* ---- child_output.c ---- */

/* One of its two streams. */
struct child_output {
    struct ev_loop *loop;
    ev_io watcher;
    int fd; /* -1: at its end */
    struct buffer bytes;
    size_t max_size;
    bool truncated;
};

/* Reads from `fd`, which it closes, from now on; must not move. */
void child_output_start(struct child_output *output, struct ev_loop *loop,
                        int fd, size_t max_size);
/* Nobody writes any more but whom the child left behind: takes what is in the
 * pipe and closes it. */
void child_output_finish(struct child_output *output);
void child_output_clear(struct child_output *output);

#endif
