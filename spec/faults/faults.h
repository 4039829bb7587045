/* SPDX-License-Identifier: MIT */
/*
 * System calls that fail because a spec wants them to. These functions take the
 * place of libc's, in a program that is linked with them or has them preloaded:
 * LD_PRELOAD=libspec-faults.so SHOAL_FAULTS=epoll_ctl:12,recvmmsg:12 (errnos).
 */
#ifndef SHOAL_SPEC_FAULTS_H
#define SHOAL_SPEC_FAULTS_H

struct fault {
    const char *name;
    int number;     /* the errno; 0: the call does what it does */
    unsigned calls; /* of it so far */
};

/* Indices. */
enum {
    EPOLL_CTL,
    RECVMMSG,
    RECVMSG,
    SENDMMSG,
    SENDMSG,
    ACCEPT4,
    POLL,
    EPOLL_WAIT,
    PIPE
};

extern struct fault faults[];

#endif
