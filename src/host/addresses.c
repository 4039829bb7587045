/* SPDX-License-Identifier: MIT */
#include "addresses.h"

#include <stdlib.h>
#include <string.h>

bool addresses_add(struct addresses *addresses, const struct address *address)
{
    if (addresses->count == addresses->capacity) {
        size_t capacity = addresses->capacity ? 2 * addresses->capacity : 4;
        struct address *list =
            realloc(addresses->list, capacity * sizeof *list);

        if (!list)
            return false;
        addresses->list = list;
        addresses->capacity = capacity;
    }
    addresses->list[addresses->count++] = *address;
    return true;
}

void addresses_clear(struct addresses *addresses)
{
    free(addresses->list);
    memset(addresses, 0, sizeof *addresses);
}
