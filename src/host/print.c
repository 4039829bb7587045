/* SPDX-License-Identifier: MIT */
#include "print.h"

#include "../wire/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is left of the value, which is well-formed, and of the room. */
struct show {
    const uint8_t *data;
    size_t size;
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

static uint64_t big_endian(const uint8_t *bytes, uint64_t count)
{
    uint64_t number = 0;

    for (uint64_t i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* `value` starts with the lead byte. */
static void put_integer(struct show *show, const struct check_head *head,
                        const uint8_t *value)
{
    char text[24];
    uint64_t bits = big_endian(value + head->size, head->body);

    if (head->body == 0)
        snprintf(text, sizeof text, "%d", (int8_t)value[0]);
    else if (head->type == CHECK_INT && value[head->size] & 0x80)
        snprintf(text, sizeof text, "-%" PRIu64,
                 (UINT64_MAX >> (64 - 8 * head->body)) - bits + 1);
    else
        snprintf(text, sizeof text, "%" PRIu64, bits);
    put_text(show, text);
}

static void put_float(struct show *show, const struct check_head *head,
                      const uint8_t *value)
{
    char text[40];
    uint64_t bits = big_endian(value + head->size, head->body);
    uint32_t narrow_bits = (uint32_t)bits;
    float narrow;
    double number;

    memcpy(&narrow, &narrow_bits, sizeof narrow);
    memcpy(&number, &bits, sizeof number);
    snprintf(text, sizeof text, "%.6g",
             head->body == sizeof narrow ? (double)narrow : number);
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
    const uint8_t *value = show->data;
    struct check_head head;

    if (check_head(show->data, show->size, &head) != 0)
        return; /* it has been checked */
    show->data += head.size + head.body;
    show->size -= head.size + head.body;
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

shoal_bytes show_value(shoal_bytes value, char out[SHOW_MAX])
{
    struct show show = {.data = value.data, .size = value.size, .out = out};
    size_t used;

    if (check_value(value.data, value.size, CHECK_DEPTH, &used) != 0 ||
        used != value.size)
        return value;
    put_value(&show);
    return (shoal_bytes){(const uint8_t *)out, show.used};
}
