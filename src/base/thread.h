/* SPDX-License-Identifier: MIT */
/* Threads of our own. */
#ifndef SHOAL_BASE_THREAD_H
#define SHOAL_BASE_THREAD_H

#include <pthread.h>

/* Runs `fn(context)` in a new thread, which the caller joins or detaches. Every
 * signal is blocked there: signals are for the program's own threads. 0, or an
 * errno. */
int thread_start(pthread_t *out, void *(*fn)(void *), void *context);

#endif
