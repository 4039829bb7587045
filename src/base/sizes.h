/* SPDX-License-Identifier: MIT */
/* How long the texts are that pass from folder to folder. */
#ifndef SHOAL_BASE_SIZES_H
#define SHOAL_BASE_SIZES_H

enum {
    HOST_MAX_ENDPOINT = 300, /* bytes of "host:port", with its NUL */
    HOST_MAX_ERROR = 512     /* bytes of an error text, with its NUL */
};

#endif
