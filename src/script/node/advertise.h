/* SPDX-License-Identifier: MIT */
/* The address that a node gives to others. */
#ifndef SHOAL_SCRIPT_NODE_ADVERTISE_H
#define SHOAL_SCRIPT_NODE_ADVERTISE_H

#include "../../base/error.h"
#include "../../host/host.h"

/* Makes "host:port" of what was asked for ("host:port", "host", NULL) and of
 * where the socket is bound: a missing port, or 0, is that of the socket.
 * Writes it into `out` (ADDRESS_MAX_ENDPOINT bytes), or "" when nothing was
 * asked for and the socket is bound to a wildcard address. 0, or -1 and
 * `error`: it is no address, or a wildcard. */
int advertise_complete(const char *asked, const char *bound, char *out,
                       struct error *error);

/* Could others send to a member with that endpoint? 0, or -1 and `error`: it is
 * a wildcard, multicast, broadcast or reserved address, or has port 0. What is
 * not an endpoint of IP at all is a matter of whoever sends there. */
int advertise_check(shoal_bytes endpoint, struct error *error);

#endif
