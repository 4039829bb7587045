/* SPDX-License-Identifier: MIT */
/* Where an HTTP server listens: "127.0.0.1:7947", "[::1]:0", "unix:/run/x". */
#ifndef SHOAL_WEB_PLACE_H
#define SHOAL_WEB_PLACE_H

#include "../base/address.h"
#include "../control/stream_path.h"

enum { PLACE_MAX_TEXT = ADDRESS_MAX_ENDPOINT };

struct listen_place {
    bool is_path;
    struct stream_path path; /* of a Unix socket */
    char text[PLACE_MAX_TEXT];
};

/* A listening socket (non-blocking, closed on exec), or -1 and `error`. Unless
 * it is for the `public`, only a loopback address or a path will do. */
int place_listen(struct listen_place *place, const char *where, bool is_public,
                 const struct socket_access *access, struct error *error);
/* Removes the file of a path. */
void place_remove(const struct listen_place *place);

#endif
