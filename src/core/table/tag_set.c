/* SPDX-License-Identifier: MIT */
#include "tag_set.h"

const struct tags tags_said_none;

static size_t common_prefix(shoal_bytes a, shoal_bytes b, size_t most)
{
    size_t count = 0;
    while (count < most && a.data[count] == b.data[count])
        count++;
    return count;
}

static size_t common_suffix(shoal_bytes a, shoal_bytes b, size_t most)
{
    size_t count = 0;
    while (count < most &&
           a.data[a.size - 1 - count] == b.data[b.size - 1 - count])
        count++;
    return count;
}

/* Of any two maps whose keys are sorted, what has changed in one place is one
 * span. */
void tags_shrink(shoal_update *claim, const struct tags *tags,
                 const struct tags *former)
{
    if (!former || former == TAGS_NONE || former->is_ignored ||
        tags->is_ignored || former->version >> 16 != (tags->version >> 16) - 1)
        return;
    shoal_bytes now = tags_bytes(tags), before = tags_bytes(former);
    size_t least = now.size < before.size ? now.size : before.size;
    size_t prefix = common_prefix(now, before, least);
    size_t suffix = common_suffix(now, before, least - prefix);
    if (prefix + suffix <= TAGS_DELTA)
        return;
    claim->tags_base = former->version;
    claim->tags_prefix = (uint16_t)prefix;
    claim->tags_suffix = (uint16_t)suffix;
    claim->tags = bytes_of(now.data + prefix, now.size - prefix - suffix);
}

bool tags_grow(const shoal_update *claim, const struct tags *base, uint8_t *out)
{
    size_t prefix = claim->tags_prefix, suffix = claim->tags_suffix;
    if (!base || base == TAGS_NONE || base->is_ignored ||
        base->version != claim->tags_base || prefix + suffix > base->size)
        return false;
    out = bytes_copy(out, bytes_of(base->bytes, prefix));
    out = bytes_copy(out, claim->tags);
    bytes_copy(out, bytes_of(base->bytes + base->size - suffix, suffix));
    return true;
}
