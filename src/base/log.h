/* SPDX-License-Identifier: MIT */
/*
 * Log lines on stderr (or any descriptor), for people or for machines.
 *
 * A line has a level, an area ("engine", "host", "script", "control", "cli"),
 * a text and named fields:
 *   text  2026-01-31T12:00:00.123Z info  engine  member up addr=10.0.0.2:7946
 *   json  {"time":"...","level":"info","area":"engine","text":"member up",
 *          "addr":"10.0.0.2:7946"}
 * Where several nodes write to one place, which one it is comes after the area,
 * and as "node" in JSON. A level is chosen for all areas and may be changed for
 * single ones: "info,engine=trace". Use the log_ macros: a line that is not
 * wanted costs one comparison and evaluates no argument.
 */
#ifndef SHOAL_BASE_LOG_H
#define SHOAL_BASE_LOG_H

#include "../shoal.h"
#include "error.h"

typedef enum log_level {
    LOG_OFF,
    LOG_ERROR,
    LOG_WARN,
    LOG_INFO,
    LOG_DEBUG,
    LOG_TRACE
} log_level;

typedef enum log_area {
    LOG_ENGINE,
    LOG_HOST,
    LOG_SCRIPT,
    LOG_CONTROL,
    LOG_CLI,
    LOG_NUM_AREAS
} log_area;

typedef enum log_format { LOG_TEXT, LOG_JSON } log_format;

/* A field is a string (any bytes; escaped) or a number. */
typedef struct log_field {
    const char *name;
    shoal_bytes string; /* data NULL: it is the number */
    double number;
} log_field;

struct log {
    int fd;
    log_format format;
    bool has_priorities; /* for the journal: "<4>" in front of each line */
    /* Unix time in microseconds for each line, from a clock that is not the
     * system's; NULL: the system's. */
    uint64_t (*clock)(void *context);
    void *context;
    const char *node; /* whose lines they are, where several write; or NULL */
    uint64_t lost;    /* lines since the last one that was written */
    /* Takes the lines, instead of the descriptor; NULL: nothing does. What it
     * gets is borrowed for the call, in which nothing must be logged. Not for a
     * copy of the log in another thread. */
    void (*sink)(void *context, enum log_level level, enum log_area area,
                 const char *text, const struct log_field *fields,
                 size_t num_fields);
    void *sink_context;
    uint8_t levels[LOG_NUM_AREAS]; /* log_level */
};

/* "info", "host". Static. */
const char *log_level_name(log_level level);
const char *log_area_name(log_area area);

/* stderr, text, info; with priorities if that is systemd's journal. */
void log_init(struct log *log);
/* Sets levels from "info", "debug,host=trace", ...; 0, or -1 and `error`,
 *  which names the part that is wrong; then `log` is as
 * before. */
int log_set_levels(struct log *log, const char *levels, struct error *error);
enum { LOG_LEVELS_TEXT = 96 };
/* The levels as log_set_levels() takes them, as short as can be: that of most
 * areas, then those that differ. LOG_LEVELS_TEXT bytes at most, with the NUL.
 */
void log_format_levels(const struct log *log, char *out);
/* Writes one line with one write(2). A line that cannot be written is lost, and
 * so is one for which a reader that does not read leaves no room: a member that
 * waited for it would be found down. The next that can be written says how many
 * these were. In virtual time, which passes for nobody meanwhile, it waits. */
void log_write(struct log *log, log_level level, log_area area,
               const char *text, const log_field *fields, size_t num_fields);

static inline bool log_wants(const struct log *log, log_level level,
                             log_area area)
{
    return log && log->levels[area] >= level;
}

/* log_line(log, LOG_INFO, LOG_HOST, "started", log_str("bind", s), ...); at
 * least one field. */
#define log_line(log, level, area, text, ...)                                  \
    do {                                                                       \
        if (log_wants(log, level, area)) {                                     \
            const log_field log_fields_[] = {__VA_ARGS__};                     \
            log_write(log, level, area, text, log_fields_,                     \
                      sizeof log_fields_ / sizeof *log_fields_);               \
        }                                                                      \
    } while (0)

/* NULL is the empty text, for either. */
log_field log_str(const char *name, const char *value);
log_field log_bytes(const char *name, shoal_bytes value);
log_field log_num(const char *name, double value);

/* Lets one line per `every_us` through for each kind of trouble: a zeroed
 * struct is ready. `suppressed` tells how many were held back since. */
typedef struct log_gate {
    uint64_t last_us;
    uint64_t suppressed;
    bool used;
} log_gate;
bool log_gate_open(log_gate *gate, uint64_t now_us, uint64_t every_us,
                   uint64_t *suppressed);

#endif
