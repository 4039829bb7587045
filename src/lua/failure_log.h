/* SPDX-License-Identifier: MIT */
/*
 * Failing and slow handlers in the log: each distinct error with its traceback,
 * but once a minute at most, with the number of those that were held back. A
 * handler that fails a thousand times a second tells its story once.
 */
#ifndef SHOAL_LUA_FAILURE_LOG_H
#define SHOAL_LUA_FAILURE_LOG_H

#include "../base/log.h"
#include "protected_call.h"

enum { FAILURE_LOG_MAX = 32 /* distinct ones remembered */ };

/* Zeroed, it is ready. */
struct failure_log {
    struct logged_failure {
        uint64_t hash; /* 0: free */
        log_gate gate;
    } list[FAILURE_LOG_MAX];
};

void failure_log_write(struct failure_log *failure_log, struct log *log,
                       log_area area, const protected_report *report,
                       uint64_t now_us);

#endif
