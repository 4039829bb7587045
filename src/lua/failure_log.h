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

enum { COMPLAINTS_MAX = 32 /* distinct ones remembered */ };

/* Zeroed, it is ready. */
struct complaints {
    struct complaint {
        uint64_t hash; /* 0: free */
        log_gate gate;
    } list[COMPLAINTS_MAX];
};

void complaints_tell(struct complaints *complaints, struct log *log,
                     log_area area, const dispatch_report *report,
                     uint64_t now_us);

#endif
