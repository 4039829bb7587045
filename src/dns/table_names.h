/* SPDX-License-Identifier: MIT */
/* The names of a table. A name is there while something uses it: an entry below
 * it, a name below it ("v2.web.service" uses "web.service"), a host. */
#ifndef SHOAL_DNS_TABLE_NAMES_H
#define SHOAL_DNS_TABLE_NAMES_H

#include "table.h"

struct table_names {
    struct table_name **buckets;
    size_t count, num_buckets;
    uint64_t key;
};

bool names_init(struct table_names *names, uint64_t key);
/* They are not used any more. */
void names_clear(struct table_names *names);
struct table_name *names_find(const struct table_names *names,
                              shoal_bytes labels);
/* Finds or makes one, and uses it. NULL: no memory. */
struct table_name *names_use(struct table_names *names, shoal_bytes labels);
void names_release(struct table_names *names, struct table_name *name);

/* Adds a place to the entry, which has room for it, unless it has that name.
 * false: no memory. */
bool names_add(struct table_names *names, struct table_entry *entry,
               shoal_bytes labels);
/* Takes the entry out of that place's name. The place is void. */
void names_remove(struct table_names *names, struct table_entry *entry,
                  uint32_t place);

#endif
