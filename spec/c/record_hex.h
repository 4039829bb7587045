/* SPDX-License-Identifier: MIT */
/* A record of an exchange, written as docs/wire.md shows it. */
#ifndef SPEC_RECORD_HEX_H
#define SPEC_RECORD_HEX_H

#include "../../src/core/records/items.h"
#include "expect.h"

/* What stands behind its length; until the next call. */
static inline shoal_bytes item_of_hex(const char *hex)
{
    static uint8_t kept[512];
    struct bytes bytes = bytes_of_hex(hex);
    memcpy(kept, bytes.data, bytes.size);
    shoal_bytes items = {kept, bytes.size};
    free(bytes.data);
    expect_subject = hex;
    EXPECT(items_check(items) == 0);
    return items_take(&items);
}

#endif
