/* SPDX-License-Identifier: MIT */
/* Each check here is the reverse of a choice in lua/pack.c. */
#include "canonical.h"

/* The shortest head of a str (32 values in a lead byte, 256 behind one), or of
 * an array or map (16, none). */
bool canonical_is_short_head(const struct check_head *head, uint64_t count)
{
    uint64_t lead = head->type == CHECK_STR ? 32 : 16;

    if (count < lead)
        return head->size == 1;
    if (head->type == CHECK_STR && count < 256)
        return head->size == 2;
    return head->size == (count < 65536 ? 3 : 5);
}

static size_t shortest_integer(struct integer value)
{
    if (value.negative) {
        int64_t number = (int64_t)value.bits;

        if (number >= -32)
            return 0;
        return number >= INT8_MIN    ? 1
               : number >= INT16_MIN ? 2
               : number >= INT32_MIN ? 4
                                     : 8;
    }
    if (value.bits < 128)
        return 0;
    return value.bits <= UINT8_MAX    ? 1
           : value.bits <= UINT16_MAX ? 2
           : value.bits <= UINT32_MAX ? 4
                                      : 8;
}

static const char *check_integer(const struct check_head *head,
                                 const uint8_t *body, canonical_holds *holds)
{
    struct integer value = read_integer(head, body);

    if (head->body != shortest_integer(value) ||
        (head->type == CHECK_INT) != value.negative)
        return "an integer is not in its smallest form";
    return !holds || holds(value) ? NULL
                                  : "an integer is larger than Lua can hold";
}

static const char *check_float(const struct check_head *head,
                               const uint8_t *body)
{
    static const uint8_t nan[] = {0x7f, 0xf8, 0, 0, 0, 0, 0, 0};
    double number = read_float(head, body);

    if (head->body != 8)
        return "a number is a float of 32 bits";
    if (number != number)
        return memcmp(body, nan, sizeof nan) == 0 ? NULL : "an unusual NaN";
    if (number >= -9223372036854775808.0 && number < 0 &&
        (double)(int64_t)number == number)
        return "an integer is a float";
    if (number >= 0 && number < 18446744073709551616.0 &&
        (double)(uint64_t)number == number)
        return "an integer is a float";
    return NULL;
}

static const char *check_array(struct walk *walk, const struct check_head *head,
                               canonical_holds *holds)
{
    const char *problem = NULL;

    if (!canonical_is_short_head(head, head->count))
        return "the head of an array is not the shortest";
    for (uint64_t i = 0; i < head->count && !problem; i++)
        problem = canonical_check(walk, holds);
    return problem;
}

/* Walks the key at walk->at. Is it the integer `place`? */
static const char *check_key(struct walk *walk, uint64_t place, bool *is_place,
                             canonical_holds *holds)
{
    struct walk key = *walk;
    struct check_head head = take_head(&key);

    if (head.type == CHECK_ARRAY || head.type == CHECK_MAP)
        return "a map has an array or a map as a key";
    if (head.type == CHECK_FLOAT &&
        read_float(&head, key.at) != read_float(&head, key.at))
        return "a map has nil or NaN as a key";
    *is_place = false;
    if (head.type == CHECK_UINT)
        *is_place = read_integer(&head, key.at).bits == place;
    return canonical_check(walk, holds);
}

static const char *check_map(struct walk *walk, const struct check_head *head,
                             canonical_holds *holds)
{
    uint64_t entries = head->count / 2;
    shoal_bytes last = {NULL, 0};
    bool is_array = true;

    if (!canonical_is_short_head(head, entries))
        return "the head of a map is not the shortest";
    for (uint64_t i = 1; i <= entries; i++) {
        shoal_bytes key = {walk->at, 0};
        bool is_place;
        const char *problem = check_key(walk, i, &is_place, holds);

        if (problem)
            return problem;
        key.size = (size_t)(walk->at - key.data);
        if (last.data && bytes_compare(key, last) <= 0)
            return "the keys of a map are not in order";
        is_array = is_array && is_place;
        last = key;
        problem = canonical_check(walk, holds);
        if (problem)
            return problem;
    }
    return is_array ? "an array is a map" : NULL;
}

const char *canonical_check(struct walk *walk, canonical_holds *holds)
{
    struct check_head head = take_head(walk);
    const uint8_t *body = walk->at;

    walk->at += head.body;
    switch (head.type) {
    case CHECK_NIL:
        return "it contains nil";
    case CHECK_BOOL:
        return NULL;
    case CHECK_UINT:
    case CHECK_INT:
        return check_integer(&head, body, holds);
    case CHECK_FLOAT:
        return check_float(&head, body);
    case CHECK_STR:
        return canonical_is_short_head(&head, head.body)
                   ? NULL
                   : "the head of a string is not the shortest";
    case CHECK_ARRAY:
        return check_array(walk, &head, holds);
    case CHECK_MAP:
        return check_map(walk, &head, holds);
    default:
        return "it contains a bin or an extension type";
    }
}
