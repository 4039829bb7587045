/* SPDX-License-Identifier: MIT */
/* The addresses of a name, in the order in which they were found. */
#ifndef SHOAL_HOST_ADDRESSES_H
#define SHOAL_HOST_ADDRESSES_H

#include "../base/address.h"

/* All zero: none. */
struct addresses {
    struct address *list;
    size_t count, capacity;
};

/* Copies it to the end. false: no memory. */
bool addresses_add(struct addresses *addresses, const struct address *address);
/* Forgets all, and frees the list. */
void addresses_clear(struct addresses *addresses);

#endif
