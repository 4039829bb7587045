/* SPDX-License-Identifier: MIT */
#include "failure_log.h"

#include "../base/hash.h"

#include <string.h>

static const uint64_t EVERY_US = 60u * 1000 * 1000;

/* What makes an error distinct: the handler, and the message with traceback; or
 * which function was slow. */
static uint64_t hash_report(const protected_report *report)
{
    uint64_t hash = hash_text(HASH_START, report->what);
    hash = hash_text(hash, report->text ? report->text : report->where);
    return hash ? hash : 1;
}

/* The one of that hash; else one that is free, or was quiet for longest. */
static struct logged_failure *find(struct failure_log *failure_log,
                                   uint64_t hash)
{
    struct logged_failure *oldest = &failure_log->list[0];
    for (int i = 0; i < FAILURE_LOG_MAX; i++) {
        struct logged_failure *logged = &failure_log->list[i];
        if (logged->hash == hash)
            return logged;
        if (logged->gate.last_us < oldest->gate.last_us)
            oldest = logged;
    }
    *oldest = (struct logged_failure){.hash = hash};
    return oldest;
}

void failure_log_write(struct failure_log *failure_log, struct log *log,
                       log_area area, const protected_report *report,
                       uint64_t now_us)
{
    uint64_t held_back;
    struct logged_failure *logged = find(failure_log, hash_report(report));
    if (!log_gate_open(&logged->gate, now_us, EVERY_US, &held_back))
        return;
    if (report->text)
        log_line(log, LOG_ERROR, area, "handler failed",
                 log_str("handler", report->what),
                 log_str("error", report->text),
                 log_num("held_back", (double)held_back));
    else
        log_line(log, LOG_WARN, area, "slow handler",
                 log_str("handler", report->what),
                 log_str("where", report->where),
                 log_num("seconds", (double)report->duration_us / 1e6),
                 log_num("held_back", (double)held_back));
}
