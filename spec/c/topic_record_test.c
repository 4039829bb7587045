/* SPDX-License-Identifier: MIT */
/* The records about topics: as docs/wire.md shows them, and what is none. */
#include "../../src/core/records/topic_record.h"
#include "../../src/core/table/stream.h"
#include "golden.h"
#include "record_hex.h"

static int read_hex(const char *hex, struct topic_record *record)
{
    return topic_record_read(item_of_hex(hex), record);
}

static void is_what_the_document_shows(void)
{
    struct topic_record record;
    struct topic_entry entry;
    EXPECT(read_hex("000f 06 02 00000000 ffffffff 0a0b0c0d 03", &record) == 0);
    EXPECT(record.kind == RECORD_HEADS && record.flags == HEADS_READY);
    EXPECT(record.from == 0 && record.to == UINT32_MAX);
    EXPECT(topic_record_next(&record, &entry));
    EXPECT(entry.hash == 0x0a0b0c0d && entry.number == 3);
    EXPECT(!topic_record_next(&record, &entry));
    EXPECT(read_hex("000c 06 00 0102 00000000 ffffffff", &record) == 0);
    EXPECT(record.age_ms == 0x102 && record.to == UINT32_MAX);

    EXPECT(read_hex("0007 07 0a0b0c0d 02 02", &record) == 0);
    EXPECT(topic_record_next(&record, &entry));
    EXPECT(entry.number == 2 && entry.count == 2);

    EXPECT(read_hex("001f 08 03 03 05 7075726765 0010" A "a36b6579", &record) ==
           0);
    EXPECT(record.kind == RECORD_ITEM && record.flags == 3);
    EXPECT(record.number == 3 && record.topic.size == 5);
    EXPECT(record.origin.size == 16 && record.body.size == 4);

    EXPECT(read_hex("001b 09 03 04 05 7075726765 0010" A, &record) == 0);
    EXPECT(record.kind == RECORD_STREAM);
    EXPECT(record.first == 3 && record.number == 4);
}

static void refuses_what_is_none(void)
{
    static const char *const hex[] = {
        "0001 06",                                  /* no flags */
        "0006 06 02 00000000",                      /* no end of the range */
        "000a 06 02 00000002 00000001",             /* a range of nothing */
        "000f 06 02 00000000 00000001 00000002 03", /* outside of it */
        "0014 06 02 00000000 ffffffff 00000002 03 00000002 04", /* twice */
        "000e 06 02 00000000 ffffffff 0a0b0c0d",                /* no number */
        "0006 07 0a0b0c0d 02",                                  /* no count */
        "0007 07 0a0b0c0d 02 21",                               /* too many */
        "000e 07 0a0b0c0d 8080808080808010 01",                 /* 2^53 */
        "0007 08 03 00 01 74 0001",                             /* number 0 */
        "0007 08 03 01 00 0001 05",                             /* no topic */
        "0006 08 03 01 03 74 00",         /* ... cut short */
        "0007 08 03 01 01 74 0000",       /* no identity */
        "0008 08 03 01 01 74 0002 05",    /* ... cut short */
        "0008 09 00 01 01 74 0001 05",    /* nothing comes first */
        "0009 09 01 01 01 74 0001 05 00", /* something behind it */
    };
    for (size_t i = 0; i < sizeof hex / sizeof *hex; i++) {
        struct topic_record record;
        EXPECT(read_hex(hex[i], &record) == SHOAL_ERR_MALFORMED);
    }
}

static void reads_what_it_has_written(void)
{
    static const uint64_t numbers[] = {1, 127, 128, TOPIC_MAX_NUMBER - 1};
    uint8_t buffer[128];
    struct topic_record record;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct records records = {.bytes = buffer, .room = sizeof buffer};
        shoal_bytes topic = {(const uint8_t *)"t", 1};
        shoal_bytes origin = {(const uint8_t *)"\x05", 1};
        EXPECT(topic_record_put_item(&records, PART_LAST, numbers[i], topic,
                                     origin, topic));
        shoal_bytes items = {buffer, records.size};
        EXPECT(topic_record_read(items_take(&items), &record) == 0);
        EXPECT(record.number == numbers[i] && record.flags == PART_LAST);
        records.room = records.size + 3;
        EXPECT(!topic_record_put_item(&records, 0, 1, topic, origin, topic));
        EXPECT(records.size == records.room - 3);
    }
}

int main(void)
{
    is_what_the_document_shows();
    refuses_what_is_none();
    reads_what_it_has_written();
    return expect_done();
}
