/* SPDX-License-Identifier: MIT */
/*
 * MessagePack values for people: an identity in a line of the log.
 *
 *     {addr=10.0.0.1:7946,bump=3}
 */
#ifndef SHOAL_HOST_PRINT_H
#define SHOAL_HOST_PRINT_H

#include "../shoal.h"

enum { SHOW_MAX = 256 };

/* What `value` looks like: in `out`, or the bytes as they are when they are not
 * one well-formed value (a codec may have others). Too long ones end with
 * "...". Strings in it are not escaped. */
shoal_bytes print_value(shoal_bytes value, char out[SHOW_MAX]);

#endif
