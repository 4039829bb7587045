/* SPDX-License-Identifier: MIT */
/*
 * The walk counts one thing: `pending`, the values that were announced and not
 * walked yet, at all levels together. As every value takes a byte at least, a
 * count is a lie when that many cannot fit below the limit; so a walk is over
 * after at most `limit` steps, whatever the counts claim. A container is
 * complete when `pending` has come down to what it was behind its head, and
 * that is looked at only when the next container opens.
 */
#include "check.h"

#include "../base/bytes.h"

/* The lead bytes c0 to df, whose meaning no bit pattern tells. */
struct form {
    uint8_t type;
    uint8_t length; /* bytes of big-endian length or count behind the lead */
    uint8_t body;   /* bytes that follow in any case */
    uint8_t valid;
};

static const struct form forms[32] = {
    [0xc0 - 0xc0] = {CHECK_NIL, 0, 0, 1},
    /* c1 is reserved */
    [0xc2 - 0xc0] = {CHECK_BOOL, 0, 0, 1},
    [0xc3 - 0xc0] = {CHECK_BOOL, 0, 0, 1},
    [0xc4 - 0xc0] = {CHECK_BIN, 1, 0, 1},
    [0xc5 - 0xc0] = {CHECK_BIN, 2, 0, 1},
    [0xc6 - 0xc0] = {CHECK_BIN, 4, 0, 1},
    [0xc7 - 0xc0] = {CHECK_EXT, 1, 1, 1},
    [0xc8 - 0xc0] = {CHECK_EXT, 2, 1, 1},
    [0xc9 - 0xc0] = {CHECK_EXT, 4, 1, 1},
    [0xca - 0xc0] = {CHECK_FLOAT, 0, 4, 1},
    [0xcb - 0xc0] = {CHECK_FLOAT, 0, 8, 1},
    [0xcc - 0xc0] = {CHECK_UINT, 0, 1, 1},
    [0xcd - 0xc0] = {CHECK_UINT, 0, 2, 1},
    [0xce - 0xc0] = {CHECK_UINT, 0, 4, 1},
    [0xcf - 0xc0] = {CHECK_UINT, 0, 8, 1},
    [0xd0 - 0xc0] = {CHECK_INT, 0, 1, 1},
    [0xd1 - 0xc0] = {CHECK_INT, 0, 2, 1},
    [0xd2 - 0xc0] = {CHECK_INT, 0, 4, 1},
    [0xd3 - 0xc0] = {CHECK_INT, 0, 8, 1},
    [0xd4 - 0xc0] = {CHECK_EXT, 0, 2, 1},
    [0xd5 - 0xc0] = {CHECK_EXT, 0, 3, 1},
    [0xd6 - 0xc0] = {CHECK_EXT, 0, 5, 1},
    [0xd7 - 0xc0] = {CHECK_EXT, 0, 9, 1},
    [0xd8 - 0xc0] = {CHECK_EXT, 0, 17, 1},
    [0xd9 - 0xc0] = {CHECK_STR, 1, 0, 1},
    [0xda - 0xc0] = {CHECK_STR, 2, 0, 1},
    [0xdb - 0xc0] = {CHECK_STR, 4, 0, 1},
    [0xdc - 0xc0] = {CHECK_ARRAY, 2, 0, 1},
    [0xdd - 0xc0] = {CHECK_ARRAY, 4, 0, 1},
    [0xde - 0xc0] = {CHECK_MAP, 2, 0, 1},
    [0xdf - 0xc0] = {CHECK_MAP, 4, 0, 1},
};

/* The sizes of values by their lead byte, where it tells; else 0. */
#define TIMES_16(n) n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n
/* clang-format off */
static const uint8_t sizes[256] = {
    /* 00 positive fixint */
    TIMES_16(1), TIMES_16(1), TIMES_16(1), TIMES_16(1),
    TIMES_16(1), TIMES_16(1), TIMES_16(1), TIMES_16(1),
    /* 80 fixmap, 90 fixarray */
    TIMES_16(0), TIMES_16(0),
    /* a0 fixstr */
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
    /* c0 nil, reserved, booleans; c4 bin, c7 ext; ca floats */
    1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 5, 9,
    /* cc unsigned, d0 signed; d4 fixext */
    2, 3, 5, 9, 2, 3, 5, 9, 3, 4, 6, 10, 18,
    /* d9 str, dc array, de map */
    0, 0, 0, 0, 0, 0, 0,
    /* e0 negative fixint */
    TIMES_16(1), TIMES_16(1),
};
/* clang-format on */

static inline void set_head(struct check_head *head, check_type type,
                            unsigned size, uint64_t body, uint64_t count)
{
    head->type = type;
    head->size = (uint8_t)size;
    head->body = body;
    head->count = count;
}

/* The lead bytes that carry their value, length or count in themselves. */
static inline void read_fix(uint8_t lead, struct check_head *head)
{
    if (lead < 0x80)
        set_head(head, CHECK_UINT, 1, 0, 0);
    else if (lead < 0x90)
        set_head(head, CHECK_MAP, 1, 0, 2 * (lead & 0x0fu));
    else if (lead < 0xa0)
        set_head(head, CHECK_ARRAY, 1, 0, lead & 0x0fu);
    else if (lead < 0xc0)
        set_head(head, CHECK_STR, 1, lead & 0x1fu, 0);
    else /* e0 to ff */
        set_head(head, CHECK_INT, 1, 0, 0);
}

static int read_form(const struct form *form, const uint8_t *data, size_t size,
                     struct check_head *head)
{
    uint64_t length;

    if (!form->valid)
        return SHOAL_ERR_MALFORMED;
    if (size < 1u + form->length)
        return CHECK_TRUNCATED;
    length = bytes_big_endian(data + 1, form->length);
    if (form->type == CHECK_ARRAY)
        set_head(head, CHECK_ARRAY, 1u + form->length, 0, length);
    else if (form->type == CHECK_MAP)
        set_head(head, CHECK_MAP, 1u + form->length, 0, 2 * length);
    else
        set_head(head, (check_type)form->type, 1u + form->length,
                 length + form->body, 0);
    return 0;
}

int check_head(const uint8_t *data, size_t size, struct check_head *head)
{
    if (size == 0)
        return CHECK_TRUNCATED;
    if ((data[0] & 0xe0) == 0xc0)
        return read_form(&forms[data[0] & 0x1f], data, size, head);
    read_fix(data[0], head);
    return 0;
}

void check_init(struct check *check, size_t limit, unsigned max_depth)
{
    check->used = 0;
    check->limit = limit;
    check->pending = 1;
    check->depth = 0;
    check->max_depth = max_depth < CHECK_DEEPEST ? max_depth : CHECK_DEEPEST;
}

/* `pending` counts the container itself and no longer its elements. */
static int open_container(struct check *check, uint64_t count)
{
    while (check->depth > 0 && check->pending <= check->end[check->depth - 1])
        check->depth--;
    if (check->depth == check->max_depth)
        return SHOAL_ERR_MALFORMED;
    check->end[check->depth++] = check->pending - 1;
    check->pending += (size_t)count;
    return 0;
}

/* Walks over the next value, or over the head of a container. */
static int step(struct check *check, const uint8_t *data, size_t size)
{
    size_t room = check->limit - check->used, here;
    struct check_head head;
    int error;

    if (check->pending > room)
        return SHOAL_ERR_MALFORMED;
    if (check->used >= size)
        return CHECK_TRUNCATED;
    here = size - check->used;
    error = check_head(data + check->used, here, &head);
    if (error == CHECK_TRUNCATED && here >= room)
        return SHOAL_ERR_MALFORMED;
    if (error)
        return error;
    if (head.size + head.body + head.count + check->pending - 1 > room)
        return SHOAL_ERR_MALFORMED;
    if (head.size + head.body > here)
        return CHECK_TRUNCATED;
    if (head.type >= CHECK_ARRAY && open_container(check, head.count))
        return SHOAL_ERR_MALFORMED;
    check->pending--;
    check->used += head.size + (size_t)head.body;
    return 0;
}

/* Nearly all values have a size that the lead byte alone tells. They, and those
 * announced behind them, are all within both limit and data: then there is
 * nothing more to ask, and step() is for the rest. */
static inline int walk(struct check *check, const uint8_t *data, size_t size)
{
    size_t fence = check->limit < size ? check->limit : size, known;
    int error;

    while (check->pending > 0) {
        known = check->used < fence ? sizes[data[check->used]] : 0;
        if (known > 0 && check->used + known + check->pending - 1 <= fence) {
            check->used += known;
            check->pending--;
            continue;
        }
        error = step(check, data, size);
        if (error)
            return error;
    }
    return 0;
}

int check_more(struct check *check, const uint8_t *data, size_t size)
{
    return walk(check, data, size);
}

int check_value(const uint8_t *data, size_t size, unsigned max_depth,
                size_t *used)
{
    struct check check;

    check_init(&check, size, max_depth);
    if (walk(&check, data, size))
        return SHOAL_ERR_MALFORMED;
    *used = check.used;
    return 0;
}
