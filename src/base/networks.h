/* SPDX-License-Identifier: MIT */
/* A list of networks: "10.0.0.0/8", "fd00::/8", or one address, "10.1.2.3". */
#ifndef SHOAL_BASE_NETWORKS_H
#define SHOAL_BASE_NETWORKS_H

#include "address.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>

struct network {
    sa_family_t family;
    uint8_t bytes[16]; /* of the address; 4 of an IPv4 one */
    unsigned bits;     /* of them that count */
};

/* All zero: an empty list. */
struct networks {
    struct network *list;
    size_t count;
};

/* 0, or -1 and `error`: it is no network, or bits behind the prefix are set, or
 * there is no memory. */
int networks_add(struct networks *networks, const char *text,
                 struct error *error);
void networks_clear(struct networks *networks);
/* Is it in one of them? Everything is in an empty list. An IPv4 address that
 * was written as an IPv6 one is an IPv4 address. */
bool networks_have(const struct networks *networks,
                   const struct address *address);

#endif
