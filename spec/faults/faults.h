/* SPDX-License-Identifier: MIT */
/*
 * System calls that fail because a spec wants them to. These functions take the
 * place of libc's, in a program that is linked with them or has them preloaded:
 * LD_PRELOAD=libspec-faults.so SHOAL_FAULTS=epoll_ctl:12,recvmmsg:12 (errnos).
 */
#ifndef SHOAL_SPEC_FAULTS_H
#define SHOAL_SPEC_FAULTS_H

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
    PIPE,
    FSYNC
};

/* From now on it fails with that errno (0: it does what it does), and is
 * counted anew. Any thread may call it meanwhile. */
void fault_set(int which, int number);
unsigned fault_calls(int which);

#endif
