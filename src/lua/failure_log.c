/* SPDX-License-Identifier: MIT */
#include "failure_log.h"

#include <string.h>

static const uint64_t EVERY_US = 60u * 1000 * 1000;

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

/* What makes an error distinct: the handler, and the message with traceback; or
 * which function was slow. */
static uint64_t hash_report(const dispatch_report *report)
{
    uint64_t hash = hash_text(0xcbf29ce484222325u, report->what);
    hash = hash_text(hash, report->text ? report->text : report->where);
    return hash ? hash : 1;
}

/* The one of that hash; else one that is free, or was quiet for longest. */
static struct complaint *find(struct complaints *complaints, uint64_t hash)
{
    struct complaint *oldest = &complaints->list[0];
    for (int i = 0; i < COMPLAINTS_MAX; i++) {
        struct complaint *complaint = &complaints->list[i];
        if (complaint->hash == hash)
            return complaint;
        if (complaint->gate.last_us < oldest->gate.last_us)
            oldest = complaint;
    }
    *oldest = (struct complaint){.hash = hash};
    return oldest;
}

void complaints_tell(struct complaints *complaints, struct log *log,
                     log_area area, const dispatch_report *report,
                     uint64_t now_us)
{
    uint64_t held_back;
    struct complaint *complaint = find(complaints, hash_report(report));
    if (!log_gate_open(&complaint->gate, now_us, EVERY_US, &held_back))
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
