/* SPDX-License-Identifier: MIT */
/* What is wanted in the log, and how often. */
#include "error.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

static const char *const level_names[] = {"off",  "error", "warn",
                                          "info", "debug", "trace"};
static const char *const area_names[LOG_NUM_AREAS] = {
    "engine", "host", "script", "control", "cli"};

const char *log_level_name(log_level level)
{
    return level_names[level];
}

const char *log_area_name(log_area area)
{
    return area_names[area];
}

/* ---- Levels ---- */

/* The index of the name that `text` (of `size` bytes) is, or -1. */
static int find(const char *const *names, size_t count, const char *text,
                size_t size)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (strlen(names[i]) == size && memcmp(names[i], text, size) == 0)
            return (int)i;
    return -1;
}

static int find_level(const char *text, size_t size, struct error *error)
{
    int level =
        find(level_names, sizeof level_names / sizeof *level_names, text, size);

    if (level >= 0)
        return level;
    return error_fail(
        error,
        "unknown log level '%.*s' (off, error, warn, info, debug or "
        "trace)",
        size > 40 ? 40 : (int)size, text);
}

/* One part: "level" for all areas, or "area=level". 0, or -1. */
static int apply_part(struct log *log, const char *part, size_t size,
                      struct error *error)
{
    const char *equals = memchr(part, '=', size);
    size_t area_size = equals ? (size_t)(equals - part) : 0;
    int area = -1, level;

    if (equals) {
        area = find(area_names, LOG_NUM_AREAS, part, area_size);
        if (area < 0)
            return error_fail(error,
                              "unknown log area '%.*s' (engine, host, script, "
                              "control or cli)",
                              area_size > 40 ? 40 : (int)area_size, part);
        part = equals + 1;
        size -= area_size + 1;
    }
    level = find_level(part, size, error);
    if (level < 0)
        return -1;
    if (area < 0)
        memset(log->levels, level, sizeof log->levels);
    else
        log->levels[area] = (uint8_t)level;
    return 0;
}

int log_set_levels(struct log *log, const char *levels, struct error *error)
{
    struct log changed = *log;
    const char *part = levels;

    for (;;) {
        size_t size = strcspn(part, ",");

        if (apply_part(&changed, part, size, error) != 0)
            return -1;
        if (part[size] == '\0')
            break;
        part += size + 1;
    }
    *log = changed;
    return 0;
}

static int num_areas_at(const struct log *log, int level)
{
    int area, count = 0;

    for (area = 0; area < LOG_NUM_AREAS; area++)
        count += log->levels[area] == level;
    return count;
}

static int most_common(const struct log *log)
{
    int level, found = LOG_OFF;

    for (level = LOG_OFF; level <= LOG_TRACE; level++)
        if (num_areas_at(log, level) > num_areas_at(log, found))
            found = level;
    return found;
}

void log_format_levels(const struct log *log, char *out)
{
    int common = most_common(log), area;
    size_t used =
        (size_t)snprintf(out, LOG_LEVELS_TEXT, "%s", level_names[common]);

    for (area = 0; area < LOG_NUM_AREAS; area++)
        if (log->levels[area] != common)
            used += (size_t)snprintf(out + used, LOG_LEVELS_TEXT - used,
                                     ",%s=%s", area_names[area],
                                     level_names[log->levels[area]]);
}

/* ---- Gates ---- */

bool log_gate_open(log_gate *gate, uint64_t now_us, uint64_t every_us,
                   uint64_t *suppressed)
{
    if (gate->used && now_us - gate->last_us < every_us) {
        gate->suppressed++;
        return false;
    }
    *suppressed = gate->suppressed;
    *gate = (log_gate){now_us, 0, true};
    return true;
}
