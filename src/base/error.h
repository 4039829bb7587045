/* SPDX-License-Identifier: MIT */
/*
 * How functions say what went wrong: one sentence, in lower case, written into
 * the caller's `struct error` (cut off at its end; always terminated). NULL is
 * fine: nobody wants to know.
 */
#ifndef SHOAL_BASE_ERROR_H
#define SHOAL_BASE_ERROR_H

enum { ERROR_MAX = 512 /* bytes of a text, with its NUL */ };

struct error {
    char text[ERROR_MAX];
};

/* Writes the sentence. Returns -1, so that `return error_fail(...)` reads well.
 */
int error_fail(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, followed by what `number` (an errno) means: "cannot bind x: address
 * already in use". */
int error_errno(struct error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The system's text for an errno, begun in lower case. Borrowed until the next
 * call in this thread. */
const char *error_text(int number);

#endif
