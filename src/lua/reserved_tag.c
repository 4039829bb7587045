/* SPDX-License-Identifier: MIT */
#include "reserved_tag.h"

#include "../base/bytes.h"

/* MessagePack. */
enum { FIXMAP = 0x80, MAP16 = 0xde, BIN8 = 0xc4, NAME = 0, MOST_FIXED = 15 };

/* A map without the head, and how many pairs it has; NULL: it is none. */
struct pairs {
    shoal_bytes rest;
    unsigned count;
};

static struct pairs pairs_of(shoal_bytes tags)
{
    const uint8_t *at = tags.data;

    if (tags.size >= 1 && (at[0] & 0xf0) == FIXMAP)
        return (struct pairs){bytes_of(at + 1, tags.size - 1), at[0] & 15u};
    if (tags.size >= 3 && at[0] == MAP16)
        return (struct pairs){bytes_of(at + 3, tags.size - 3),
                              bytes_u16be(at + 1)};
    return (struct pairs){{NULL, 0}, 0};
}

static shoal_bytes value_of(const struct pairs *pairs)
{
    shoal_bytes rest = pairs->rest;

    if (pairs->count == 0 || rest.size < 3 || rest.data[0] != NAME ||
        rest.data[1] != BIN8 || rest.data[2] > rest.size - 3)
        return (shoal_bytes){NULL, 0};
    return bytes_of(rest.data + 3, rest.data[2]);
}

shoal_bytes reserved_tag_of(shoal_bytes tags)
{
    struct pairs pairs = pairs_of(tags);

    return value_of(&pairs);
}

/* false: there was none. */
static bool take_out(struct pairs *pairs)
{
    shoal_bytes value = value_of(pairs);
    size_t size = value.size + 3;

    if (!value.data)
        return false;
    pairs->rest = bytes_of(pairs->rest.data + size, pairs->rest.size - size);
    pairs->count--;
    return true;
}

static uint8_t *put_head(uint8_t *out, unsigned count)
{
    if (count <= MOST_FIXED) {
        *out = (uint8_t)(FIXMAP | count);
        return out + 1;
    }
    *out = MAP16;
    bytes_put_u16be(out + 1, count);
    return out + 3;
}

size_t reserved_tag_strip(shoal_bytes tags, uint8_t *out)
{
    struct pairs pairs = pairs_of(tags);

    if (!take_out(&pairs))
        return (size_t)(bytes_copy(out, tags) - out);
    return (size_t)(bytes_copy(put_head(out, pairs.count), pairs.rest) - out);
}

size_t reserved_tag_put(shoal_bytes tags, shoal_bytes value, uint8_t *out)
{
    struct pairs pairs = pairs_of(tags);
    uint8_t *at = out;

    if (tags.size > 0 && !pairs.rest.data)
        return (size_t)(bytes_copy(out, tags) - out);
    (void)take_out(&pairs);
    at = put_head(at, pairs.count + (value.size > 0));
    if (value.size > 0) {
        *at++ = NAME;
        *at++ = BIN8;
        *at++ = (uint8_t)value.size;
        at = bytes_copy(at, value);
    }
    return (size_t)(bytes_copy(at, pairs.rest) - out);
}

bool reserved_tag_is_all(shoal_bytes before, shoal_bytes after)
{
    struct pairs a = pairs_of(before), b = pairs_of(after);
    bool had = take_out(&a), has = take_out(&b);

    return (had || has) && a.count == b.count && bytes_equal(a.rest, b.rest);
}
