/* SPDX-License-Identifier: MIT */
/*
 * The program that has started this one and looks after it: systemd, or what
 * speaks as it does (sd_notify(3), systemd.exec(5)).
 */
#ifndef SHOAL_BASE_SUPERVISOR_H
#define SHOAL_BASE_SUPERVISOR_H

#include "error.h"

#include <stdbool.h>

/* Tells it `state`, lines of NAME=VALUE ("READY=1"), at the socket that
 * $NOTIFY_SOCKET names. 1: told; 0: nobody wants to know; -1 and `error`. Does
 * not wait. */
int supervisor_tell(const char *state, struct error *error);
/* Is the descriptor its journal ($JOURNAL_STREAM), which takes priorities in
 * front of lines? */
bool supervisor_reads(int fd);

#endif
