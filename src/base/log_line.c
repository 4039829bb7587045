/* SPDX-License-Identifier: MIT */
#include "log_line.h"
#include "bytes.h"

#include <stdio.h>
#include <string.h>

static bool fits(const struct log_buffer *out, size_t size)
{
    return size <= LOG_MAX_LINE - LOG_TAIL - out->size;
}

static void append(struct log_buffer *out, const char *bytes, size_t size)
{
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

void log_put(struct log_buffer *out, const char *text)
{
    size_t size = strlen(text);

    if (out->full || !fits(out, size))
        out->full = true;
    else
        append(out, text, size);
}

void log_end(struct log_buffer *out, const char *text)
{
    append(out, text, strlen(text));
}

/* ---- Characters ---- */

/* The size of the well-formed UTF-8 character of more than one byte at `s`; 0:
 * there is none. */
static size_t wide_character(const uint8_t *s, size_t size)
{
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2, i;

    if (s[0] < 0xc2 || s[0] > 0xf4 || length > size)
        return 0;
    for (i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0; /* overlong, a surrogate, beyond U+10FFFF */
    return length;
}

/* U+0080 to U+009F: terminals take them as commands. */
static bool is_wide_control(const uint8_t *s)
{
    return s[0] == 0xc2 && s[1] < 0xa0;
}

/* The letter behind a backslash that stands for `c`; 0: there is none. */
static char short_escape(uint8_t c)
{
    switch (c) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '"':
    case '\\':
        return (char)c;
    default:
        return 0;
    }
}

/* How one style writes the character at `s`: into `text` (8 bytes). How many
 * bytes of `s` that were. */
typedef size_t write_fn(const uint8_t *s, size_t size, char *text);

static size_t write_as_it_is(const uint8_t *s, size_t length, char *text)
{
    memcpy(text, s, length);
    text[length] = '\0';
    return length;
}

/* A byte that begins no wide character; "\\" + `hex` + its digits when it is no
 * printable one. */
static size_t write_byte(uint8_t byte, const char *hex, char *text)
{
    char escape = short_escape(byte);

    if (escape)
        snprintf(text, 8, "\\%c", escape);
    else if (byte >= 0x20 && byte < 0x7f)
        write_as_it_is(&byte, 1, text);
    else
        snprintf(text, 8, "\\%s%02x", hex, byte);
    return 1;
}

static size_t write_quoted(const uint8_t *s, size_t size, char *text)
{
    size_t wide = wide_character(s, size);

    if (wide > 0 && !is_wide_control(s))
        return write_as_it_is(s, wide, text);
    return write_byte(s[0], "x", text);
}

/* Quotes and backslashes mean nothing outside of quotes. */
static size_t write_plain(const uint8_t *s, size_t size, char *text)
{
    if (s[0] == '"' || s[0] == '\\')
        return write_as_it_is(s, 1, text);
    return write_quoted(s, size, text);
}

static size_t write_json(const uint8_t *s, size_t size, char *text)
{
    size_t wide = wide_character(s, size);

    return wide > 0 ? write_as_it_is(s, wide, text)
                    : write_byte(s[0], "u00", text);
}

/* ---- Values ---- */

static void put_all(struct log_buffer *out, shoal_bytes value, write_fn *write)
{
    char text[8];
    size_t at = 0;

    while (at < value.size && !out->full) {
        at += write(value.data + at, value.size - at, text);
        if (fits(out, strlen(text))) {
            append(out, text, strlen(text));
        } else {
            out->full = true;
            append(out, "...", 3);
        }
    }
}

void log_put_plain(struct log_buffer *out, const char *text)
{
    if (!out->full)
        put_all(out, bytes_of_text(text), write_plain);
}

static bool is_word(shoal_bytes value)
{
    size_t i;

    for (i = 0; i < value.size; i++)
        if (value.data[i] <= ' ' || value.data[i] >= 0x7f ||
            strchr("\"\\=", value.data[i]))
            return false;
    return value.size > 0;
}

void log_put_text(struct log_buffer *out, shoal_bytes value)
{
    if (out->full)
        return;
    if (is_word(value)) {
        put_all(out, value, write_plain);
        return;
    }
    append(out, "\"", 1);
    put_all(out, value, write_quoted);
    append(out, "\"", 1);
}

void log_put_json(struct log_buffer *out, shoal_bytes value)
{
    append(out, "\"", 1);
    put_all(out, value, write_json);
    append(out, "\"", 1);
}
