/* SPDX-License-Identifier: MIT */
/* One version of a member's tags, as they are kept (../tags.h). */
#ifndef SHOAL_CORE_TABLE_TAG_SET_H
#define SHOAL_CORE_TABLE_TAG_SET_H

#include "../../base/bytes.h"
#include "backlog.h"

struct tags {
    uint64_t version;
    struct entry *queued; /* the claim with them in the backlog */
    uint16_t size;
    uint16_t said_size; /* of that version; differs if it is ignored */
    bool is_ignored; /* the bytes are of a version before, or there are none */
    uint8_t bytes[];
};

/* Of a member that has said that it has none, which is no version of them. The
 * digest does not cover it. */
extern const struct tags tags_said_none;
#define TAGS_NONE ((struct tags *)(uintptr_t)&tags_said_none)

static inline shoal_bytes tags_bytes(const struct tags *tags)
{
    static const uint8_t empty_map[] = {0x80};
    if (tags == TAGS_NONE)
        return bytes_of(empty_map, sizeof empty_map);
    return tags ? bytes_of(tags->bytes, tags->size) : (shoal_bytes){0};
}

static inline uint64_t tags_version(const struct tags *tags)
{
    return tags ? tags->version : 0;
}

/* The claim tells that there is that version, and its size. */
static inline void tags_leave_out(shoal_update *claim, const struct tags *tags)
{
    claim->tags = (shoal_bytes){0};
    claim->tags_base = 0;
    claim->tags_size = tags->said_size;
}

/* Puts them into a claim about their owner. */
static inline void tags_put(shoal_update *claim, const struct tags *tags)
{
    claim->tags_version = tags_version(tags);
    claim->tags = claim->tags_version ? tags_bytes(tags) : (shoal_bytes){0};
    claim->tags_size = 0;
    claim->tags_base = 0;
    claim->no_tags = tags == TAGS_NONE;
    if (tags && tags->is_ignored)
        tags_leave_out(claim, tags);
}

enum {
    TAGS_DELTA = 16 /* bytes that a delta takes in a claim beside its own */
};

/* Leaves of the tags in `claim`, which are `tags`, what is new since `former`,
 * when that is the version before and it is shorter. */
void tags_shrink(shoal_update *claim, const struct tags *tags,
                 const struct tags *former);
/* The size of what such a claim stands for. */
static inline size_t tags_whole_size(const shoal_update *claim)
{
    return (size_t)claim->tags_prefix + claim->tags.size + claim->tags_suffix;
}
/* Writes them to `out`. false: `base` is not what it was made from. */
bool tags_grow(const shoal_update *claim, const struct tags *base,
               uint8_t *out);

#endif
