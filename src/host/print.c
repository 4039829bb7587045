/* SPDX-License-Identifier: MIT */
#include "print.h"

#include "../wire/compact.h"
#include "../wire/walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is left of the value, which is well-formed, and of the room. */
struct show {
    struct walk rest;
    char *out;
    size_t used;
    bool full;
};

static const char cut[] = "...";

static void put(struct show *show, const char *text, size_t size)
{
    size_t room = SHOW_MAX - show->used - (sizeof cut - 1);

    if (show->full)
        return;
    show->full = size > room;
    size = show->full ? room : size;
    memcpy(show->out + show->used, text, size);
    show->used += size;
    if (!show->full)
        return;
    memcpy(show->out + show->used, cut, sizeof cut - 1);
    show->used += sizeof cut - 1;
}

static void put_text(struct show *show, const char *text)
{
    put(show, text, strlen(text));
}

/* `value` starts with the lead byte. */
static void put_integer(struct show *show, const struct check_head *head,
                        const uint8_t *value)
{
    char text[24];
    struct integer number = read_integer(head, value + head->size);

    if (number.negative)
        snprintf(text, sizeof text, "-%" PRIu64, -number.bits);
    else
        snprintf(text, sizeof text, "%" PRIu64, number.bits);
    put_text(show, text);
}

static void put_float(struct show *show, const struct check_head *head,
                      const uint8_t *value)
{
    char text[40];

    bool is_single = head->body == 4;
    snprintf(text, sizeof text, is_single ? "%.7g" : "%.14g",
             read_float(head, value + head->size));
    put_text(show, text);
}

static void put_scalar(struct show *show, const struct check_head *head,
                       const uint8_t *value)
{
    char text[40];

    switch (head->type) {
    case CHECK_NIL:
        put_text(show, "nil");
        break;
    case CHECK_BOOL:
        put_text(show, value[0] == 0xc3 ? "true" : "false");
        break;
    case CHECK_UINT:
    case CHECK_INT:
        put_integer(show, head, value);
        break;
    case CHECK_FLOAT:
        put_float(show, head, value);
        break;
    case CHECK_STR:
        put(show, (const char *)value + head->size, (size_t)head->body);
        break;
    default:
        snprintf(text, sizeof text, "<%" PRIu64 " bytes>", head->body);
        put_text(show, text);
    }
}

/* Recursion: check_value() has bounded the depth. */
static void put_value(struct show *show)
{
    const uint8_t *value = show->rest.at;
    struct check_head head = take_head(&show->rest);

    show->rest.at += head.body;
    if (head.type != CHECK_ARRAY && head.type != CHECK_MAP) {
        put_scalar(show, &head, value);
        return;
    }
    put_text(show, "{");
    for (uint64_t i = 0; i < head.count; i++) {
        bool is_answer = head.type == CHECK_MAP && i % 2 == 1;

        if (i > 0)
            put_text(show, is_answer ? "=" : ",");
        put_value(show);
    }
    put_text(show, "}");
}

shoal_bytes print_value(shoal_bytes value, char out[SHOW_MAX])
{
    struct show show = {.out = out};
    uint8_t map[COMPACT_MAP_MAX];
    struct compact compact;
    size_t used;

    if (compact_read(value, &compact))
        value = (shoal_bytes){map, compact_to_map(&compact, map)};
    show.rest = (struct walk){value.data, value.data + value.size};
    if (check_value(value.data, value.size, CHECK_DEPTH, &used) != 0 ||
        used != value.size)
        return value;
    put_value(&show);
    return (shoal_bytes){(const uint8_t *)out, show.used};
}
