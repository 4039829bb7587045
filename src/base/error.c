/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_fail(struct error *error, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return -1;
    va_start(arguments, format);
    vsnprintf(error->text, ERROR_MAX, format, arguments);
    va_end(arguments);
    return -1;
}

int error_errno(struct error *error, int number, const char *format, ...)
{
    va_list arguments;
    size_t length;

    if (!error)
        return -1;
    va_start(arguments, format);
    vsnprintf(error->text, ERROR_MAX, format, arguments);
    va_end(arguments);
    length = strlen(error->text);
    snprintf(error->text + length, ERROR_MAX - length, ": %s",
             error_text(number));
    return -1;
}

const char *error_text(int number)
{
    static _Thread_local char text[128];

    snprintf(text, sizeof text, "%s", strerror(number));
    /* "RPC ..." stays as it is, "Address ..." does not */
    if (text[0] && islower((unsigned char)text[1]))
        text[0] = (char)tolower((unsigned char)text[0]);
    return text;
}
