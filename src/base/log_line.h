/* SPDX-License-Identifier: MIT */
/*
 * A log line while it is put together: a bounded buffer, and the ways in which
 * bytes from anywhere are written so that they can neither end the line nor
 * steer a terminal. For log.c only.
 *
 * A value that does not fit is cut off with "..." and the line is then `full`:
 * further fields are left out. Room for what must follow is kept aside.
 */
#ifndef SHOAL_BASE_LOG_LINE_H
#define SHOAL_BASE_LOG_LINE_H

#include "../shoal.h"

enum {
    LOG_MAX_LINE = 4096, /* a pipe takes it whole; a traceback fits */
    LOG_TAIL = 16        /* of it, for "...", a quote, a brace, a newline */
};

struct log_buffer {
    size_t size;
    bool full;
    char bytes[LOG_MAX_LINE];
};

static inline void log_begin(struct log_buffer *out)
{
    out->size = 0;
    out->full = false;
}

/* Text of our own, as it is; all of it or, when it does not fit, nothing. */
void log_put(struct log_buffer *out, const char *text);
/* The sentence of a text line: no quotes, control characters escaped. */
void log_put_plain(struct log_buffer *out, const char *text);
/* A value in a text line: bare if it is one printable word, else quoted. */
void log_put_text(struct log_buffer *out, shoal_bytes value);
/* A JSON string. Bytes that are no UTF-8 become the characters U+0080 to
 * U+00FF. */
void log_put_json(struct log_buffer *out, shoal_bytes value);
/* The last bytes of the line, at most 3: they always fit. */
void log_end(struct log_buffer *out, const char *text);

#endif
