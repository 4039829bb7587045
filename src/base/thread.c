/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <signal.h>

int thread_start(pthread_t *out, void *(*fn)(void *), void *context)
{
    sigset_t all, before;
    int number;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(out, NULL, fn, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}
