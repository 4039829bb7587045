/* SPDX-License-Identifier: MIT */
#include "log.h"
#include "bytes.h"

#include "clock.h"

#include "log_line.h"
#include "supervisor.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void log_init(struct log *log)
{
    size_t i;

    *log = (struct log){.fd = STDERR_FILENO,
                        .format = LOG_TEXT,
                        .has_priorities = supervisor_reads(STDERR_FILENO)};
    for (i = 0; i < LOG_NUM_AREAS; i++)
        log->levels[i] = LOG_INFO;
}

/* ---- A line ---- */

static void read_clock(const struct log *log, struct timespec *now)
{
    uint64_t us = log->clock ? log->clock(log->context) : clock_wall_us();
    now->tv_sec = (time_t)(us / 1000000);
    now->tv_nsec = (long)(us % 1000000) * 1000;
}

static void put_time(struct log_buffer *out, const struct log *log)
{
    struct timespec now;
    struct tm utc;
    char text[96];

    read_clock(log, &now);
    gmtime_r(&now.tv_sec, &utc);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
             utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
             utc.tm_min, utc.tm_sec, (int)(now.tv_nsec / 1000000));
    log_put(out, text);
}

/* Every whole number up to it is a double. */
#define MAX_EXACT 9007199254740992.

/* JSON has no such numbers. */
static const char *name_of_infinite(double number, log_format format)
{
    if (format == LOG_JSON)
        return "null";
    return isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
}

/* A number as Lua writes it, but for integers, which have all digits; nothing
 * when it does not fit. */
static void put_number(struct log_buffer *out, double number, log_format format)
{
    char text[40];

    if (!isfinite(number))
        snprintf(text, sizeof text, "%s", name_of_infinite(number, format));
    else if (fabs(number) <= MAX_EXACT && number == (double)(int64_t)number)
        snprintf(text, sizeof text, "%lld", (long long)number);
    else
        snprintf(text, sizeof text, "%.14g", number);
    log_put(out, text);
}

static void write_text(struct log_buffer *out, const struct log *log,
                       log_level level, log_area area, const char *text,
                       const log_field *fields, size_t count)
{
    char head[32];
    size_t i;

    put_time(out, log);
    snprintf(head, sizeof head, " %-5s %-7s ", log_level_name(level),
             log_area_name(area));
    log_put(out, head);
    if (log->node) {
        log_put(out, log->node);
        log_put(out, " ");
    }
    log_put_plain(out, text);
    for (i = 0; i < count; i++) {
        log_put(out, " ");
        log_put(out, fields[i].name);
        log_put(out, "=");
        if (fields[i].string.data)
            log_put_text(out, fields[i].string);
        else
            put_number(out, fields[i].number, LOG_TEXT);
    }
    log_end(out, "\n");
}

static void write_json(struct log_buffer *out, const struct log *log,
                       log_level level, log_area area, const char *text,
                       const log_field *fields, size_t count)
{
    shoal_bytes bytes = bytes_of_text(text);
    size_t i;

    log_put(out, "{\"time\":\"");
    put_time(out, log);
    log_put(out, "\",\"level\":\"");
    log_put(out, log_level_name(level));
    log_put(out, "\",\"area\":\"");
    log_put(out, log_area_name(area));
    if (log->node) {
        log_put(out, "\",\"node\":\"");
        log_put(out, log->node);
    }
    log_put(out, "\",\"text\":");
    log_put_json(out, bytes);
    for (i = 0; i < count && !out->full; i++) {
        size_t before = out->size;

        log_put(out, ",\"");
        log_put(out, fields[i].name);
        log_put(out, "\":");
        if (!out->full && fields[i].string.data) {
            log_put_json(out, fields[i].string);
            continue;
        }
        put_number(out, fields[i].number, LOG_JSON);
        if (out->full)
            out->size = before; /* a name without a value is no JSON */
    }
    log_end(out, "}\n");
}

/* Descriptors that are broken count as ready: the write tells. A pipe that is
 * ready has room for PIPE_BUF bytes. */
static bool is_ready(const struct log *log)
{
    struct pollfd out = {.fd = log->fd, .events = POLLOUT};

    return log->clock || poll(&out, 1, 0) != 0;
}

/* Those of syslog(3). */
static const char *priority_of(log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "<3>";
    case LOG_WARN:
        return "<4>";
    case LOG_INFO:
        return "<6>";
    default:
        return "<7>";
    }
}

static void put_line(struct log *log, log_level level, log_area area,
                     const char *text, const log_field *fields,
                     size_t num_fields)
{
    struct log_buffer out;

    log_begin(&out);
    if (log->has_priorities)
        log_put(&out, priority_of(level));
    if (log->format == LOG_JSON)
        write_json(&out, log, level, area, text, fields, num_fields);
    else
        write_text(&out, log, level, area, text, fields, num_fields);
    if (write(log->fd, out.bytes, out.size) < 0)
        return; /* there is nowhere to complain */
}

static void tell_lost(struct log *log)
{
    log_field lines = log_num("lines", (double)log->lost);

    log->lost = 0;
    put_line(log, LOG_WARN, LOG_HOST, "log output stalled, lines dropped",
             &lines, 1);
}

void log_write(struct log *log, log_level level, log_area area,
               const char *text, const log_field *fields, size_t num_fields)
{
    if (log->sink) {
        log->sink(log->sink_context, level, area, text, fields, num_fields);
        return;
    }
    if (log->lost > 0 && is_ready(log))
        tell_lost(log);
    if (is_ready(log))
        put_line(log, level, area, text, fields, num_fields);
    else
        log->lost++;
}

/* ---- Fields ---- */

log_field log_str(const char *name, const char *value)
{
    return log_bytes(name, value ? bytes_of_text(value) : bytes_of(NULL, 0));
}

log_field log_bytes(const char *name, shoal_bytes value)
{
    if (!value.data) /* which would make it a number */
        value = (shoal_bytes){(const uint8_t *)"", 0};
    return (log_field){name, value, 0};
}

log_field log_num(const char *name, double value)
{
    return (log_field){name, {NULL, 0}, value};
}
