/* SPDX-License-Identifier: MIT */
/*
 * What stands at the end of a packet: items, each behind its length. In an
 * exchange all of them are records (record.h), elsewhere those with the highest
 * bit of their length set; the others are broadcasts.
 */
#ifndef SHOAL_CORE_RECORDS_ITEMS_H
#define SHOAL_CORE_RECORDS_ITEMS_H

#include "../../base/bytes.h"

enum {
    ITEM_FRAME = 2, /* bytes of its length, big-endian */
    ITEM_IS_RECORD = 0x8000,
    ITEM_MAX_SIZE = 0x7fff
};

static inline size_t item_size(shoal_bytes items)
{
    return bytes_u16be(items.data) & ITEM_MAX_SIZE;
}

/* Is the first one of a checked list marked as a record? */
static inline bool item_is_record(shoal_bytes items)
{
    return items.data[0] & ITEM_IS_RECORD >> 8;
}

/* 0, or MALFORMED: an item is empty, or longer than what is left. */
static inline int items_check(shoal_bytes items)
{
    while (items.size > 0) {
        if (items.size < ITEM_FRAME)
            return SHOAL_ERR_MALFORMED;
        size_t size = item_size(items);
        if (size == 0 || size > items.size - ITEM_FRAME)
            return SHOAL_ERR_MALFORMED;
        items = bytes_of(items.data + ITEM_FRAME + size,
                         items.size - ITEM_FRAME - size);
    }
    return 0;
}

/* The first item of a checked list, which is moved behind it. */
static inline shoal_bytes items_take(shoal_bytes *items)
{
    size_t size = item_size(*items);
    shoal_bytes item = bytes_of(items->data + ITEM_FRAME, size);
    *items = bytes_of(item.data + size, items->size - ITEM_FRAME - size);
    return item;
}

#endif
