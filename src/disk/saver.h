/* SPDX-License-Identifier: MIT */
/*
 * Writes a member's memory in a thread of its own: fsync on a slow disk takes
 * seconds, and a loop that waits for it is a dead member. The state is a block
 * of bytes by then, so the thread shares nothing with the loop but these.
 *
 * There is a thread only while something is written, and one at a time: a
 * member that has nothing new to remember costs nothing.
 */
#ifndef SHOAL_DISK_SAVER_H
#define SHOAL_DISK_SAVER_H

#include "state_file.h"

#include <pthread.h>

struct saver {
    const struct state_folder *folder; /* borrowed */
    pthread_t thread;
    bool is_running; /* there is a thread that was not joined yet */
    int is_done;     /* atomic: it has nothing left to do but to end */
    uint8_t *bytes;  /* the thread's, while it runs */
    size_t size;
    int result;
    struct error error;
};

enum saver_state { SAVER_IDLE, SAVER_BUSY, SAVER_SAVED, SAVER_FAILED };

void saver_init(struct saver *saver, const struct state_folder *folder);
/* Begins; takes ownership of the bytes (snapshot.h) whatever becomes of it. Not
 * while it is busy. 0, or -1 and `error`. */
int saver_begin(struct saver *saver, uint8_t *bytes, size_t size,
                struct error *error);
/* What became of the last: SAVED or FAILED (with `error`) once, then IDLE. */
enum saver_state saver_poll(struct saver *saver, struct error *error);
/* The same, but waits for it. */
enum saver_state saver_wait(struct saver *saver, struct error *error);

#endif
