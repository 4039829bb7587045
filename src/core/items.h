/* SPDX-License-Identifier: MIT */
/* What stands at the end of a packet: items, each behind its length. */
#ifndef SHOAL_CORE_ITEMS_H
#define SHOAL_CORE_ITEMS_H

#include "../base/bytes.h"

enum { ITEM_FRAME = 2 /* bytes of its length, big-endian */ };

/* 0, or MALFORMED: an item is empty, or longer than what is left. */
static inline int items_check(shoal_bytes items)
{
    while (items.size > 0) {
        if (items.size < ITEM_FRAME)
            return SHOAL_ERR_MALFORMED;
        size_t size = bytes_u16be(items.data);
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
    size_t size = bytes_u16be(items->data);
    shoal_bytes item = bytes_of(items->data + ITEM_FRAME, size);
    *items = bytes_of(item.data + size, items->size - ITEM_FRAME - size);
    return item;
}

#endif
