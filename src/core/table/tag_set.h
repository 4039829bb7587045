/* SPDX-License-Identifier: MIT */
/* One version of a member's tags, as they are kept (../tags.h). */
#ifndef SHOAL_CORE_TABLE_TAG_SET_H
#define SHOAL_CORE_TABLE_TAG_SET_H

#include "backlog.h"

struct tags {
    uint64_t version;
    struct entry *queued; /* the claim with them in the backlog */
    uint16_t size;
    uint8_t bytes[];
};

static inline shoal_bytes tags_bytes(const struct tags *tags)
{
    return tags ? bytes_of(tags->bytes, tags->size) : (shoal_bytes){0};
}

static inline uint64_t tags_version(const struct tags *tags)
{
    return tags ? tags->version : 0;
}

/* Puts them into a claim about their owner. */
static inline void tags_put(shoal_update *claim, const struct tags *tags)
{
    claim->tags_version = tags_version(tags);
    claim->tags = tags_bytes(tags);
}

#endif
