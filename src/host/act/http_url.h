/* SPDX-License-Identifier: MIT */
/* The parts of a URL that say where it leads. */
#ifndef SHOAL_HOST_ACT_HTTP_URL_H
#define SHOAL_HOST_ACT_HTTP_URL_H

#include "../../base/address.h"

struct http_url {
    bool tls;
    char host[ADDRESS_MAX_HOST]; /* an IPv6 address in brackets */
    uint16_t port;
    bool is_name;
    const char
        *path; /* from the "/" or "?" on; "" if there is none; borrowed */
};

/* 0, or -1 and `error`. */
int http_url_parse(const char *text, struct http_url *out, struct error *error);

#endif
