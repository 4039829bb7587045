/* SPDX-License-Identifier: MIT */
/* The records of an exchange: as docs/wire.md shows them, and what is none. */
#include "../../src/core/records/record.h"
#include "record_hex.h"

static int read_hex(const char *hex, struct record *record)
{
    return record_read(item_of_hex(hex), record);
}

static void is_what_the_document_shows(void)
{
    struct record record;
    struct entry_of entry;
    EXPECT(read_hex("000c 02 00 5946378b 00 61655894 00", &record) == 0);
    EXPECT(record.kind == RECORD_LIST && record.cell.bits == 0);
    EXPECT(record_next_entry(&record.body, &entry));
    EXPECT(entry.hash == 0x5946378b && entry.version == 0);
    EXPECT(record_next_entry(&record.body, &entry));
    EXPECT(entry.hash == 0x61655894);
    EXPECT(!record_next_entry(&record.body, &entry));

    EXPECT(read_hex("0004 03 00 03 81", &record) == 0);
    EXPECT(record.kind == RECORD_DIFFER && record.split == 3);
    for (uint32_t i = 0; i < 8; i++)
        EXPECT(record_bit(&record, i) == (i == 0 || i == 7));

    EXPECT(read_hex("0004 04 03 40 01", &record) == 0);
    EXPECT(record.kind == RECORD_DONE && record.is_cut);
    EXPECT(record.cell.bits == 3 && record.cell.prefix == 0x40000000);

    EXPECT(read_hex("0005 05 5946378b", &record) == 0);
    EXPECT(record.kind == RECORD_WANT && record_word(&record, 0) == 0x5946378b);

    EXPECT(read_hex("000d 0a 00000102 00000001 00 a26869", &record) == 0);
    EXPECT(record.kind == RECORD_MESSAGE && record.epoch == 258);
    EXPECT(record.number == 1 && record.flags == 0 && record.body.size == 3);

    EXPECT(read_hex("0009 0b 00000102 00000001", &record) == 0);
    EXPECT(record.kind == RECORD_RECEIPT && record.epoch == 258);
    EXPECT(record.body.size == 4 && record_word(&record, 0) == 1);

    EXPECT(read_hex("000d 0c 61655894 00000001e0db 0000", &record) == 0);
    EXPECT(record.kind == RECORD_FETCH && record.hash == 0x61655894);
    EXPECT(record.version == 0x1e0db && record.offset == 0);

    EXPECT(read_hex("0015 0d 61655894 00000001e0db 0000 81a47a6f6e65a162",
                    &record) == 0);
    EXPECT(record.kind == RECORD_PART && record.hash == 0x61655894);
    EXPECT(record.offset == 0 && record.body.size == 8);
}

static void refuses_what_is_none(void)
{
    static const char *const hex[] = {
        "0001 01",                   /* no cell */
        "0009 0a 00000102 00000001", /* a message without flags */
        "0005 0b 00000102",          /* a receipt without a number */
        "000a 0b 00000102 00000001 00",
        "0002 02 21",               /* 33 bits */
        "0002 02 09",               /* 9 bits, no prefix */
        "0003 02 01 c0",            /* more than one bit is set */
        "0007 02 00 00000001 80",   /* a version without an end */
        "0008 02 00 00000001 8000", /* ... in a longer form */
        "0006 02 00 00000001",      /* ... and without any */
        "0010 02 00 00000001 ffffffffffffffffff02", /* more than 64 bits */
        "000c 02 00 00000002 00 00000001 00",       /* out of order */
        "0008 02 01 00 80000000 00",                /* not in the cell */
        "0003 01 00 03",                            /* sums without sums */
        "0007 01 00 02 01020304",                   /* of 4 cells */
        "0004 03 00 07 81",                         /* of 128 */
        "0005 03 00 03 8181",                       /* too many bits */
        "0009 03 20 ffffffff 03 81 00",             /* cells of 35 bits */
        "0002 04 00",                               /* done, or not? */
        "0003 04 00 02",                            /* neither */
        "0004 04 00 0000",                          /* both */
        "0004 05 010203",                           /* a hash of three bytes */
        "000c 0c 61655894 00000001e0db 00",         /* half an offset */
        "000e 0c 61655894 00000001e0db 0000 81",    /* more behind it */
        "000d 0c 61655894 000000000000 0000",       /* no version */
        "000d 0d 61655894 00000001e0db 0000",       /* a part of nothing */
    };
    for (size_t i = 0; i < sizeof hex / sizeof *hex; i++) {
        struct record record;
        EXPECT(read_hex(hex[i], &record) == SHOAL_ERR_MALFORMED);
    }
}

static void skips_those_of_a_later_version(void)
{
    struct record record;
    EXPECT(read_hex("0001 06", &record) == SHOAL_ERR_UNSUPPORTED);
    EXPECT(read_hex("0003 00 ffff", &record) == SHOAL_ERR_UNSUPPORTED);
}

static void reads_what_it_has_written(void)
{
    static const uint64_t versions[] = {0,          1,          127, 128,
                                        UINT32_MAX, UINT64_MAX, 300, 1u << 21};
    const uint32_t count = sizeof versions / sizeof *versions;
    uint8_t buffer[256];
    struct cell cell = {0xa0000000, 3};
    struct records records = {.bytes = buffer, .room = sizeof buffer};
    record_begin(&records, RECORD_LIST, cell);
    for (uint32_t i = 0; i < count; i++) {
        record_put(&records, 0xa0000000u + i, 4);
        record_put_version(&records, versions[i]);
    }
    EXPECT(record_end(&records));
    shoal_bytes items = {buffer, records.size};
    struct record record;
    EXPECT(record_read(items_take(&items), &record) == 0);
    EXPECT(record.cell.bits == 3 && record.cell.prefix == cell.prefix);
    struct entry_of entry;
    for (uint32_t i = 0; i < count; i++) {
        EXPECT(record_next_entry(&record.body, &entry));
        EXPECT(entry.hash == 0xa0000000u + i && entry.version == versions[i]);
    }
    EXPECT(record.body.size == 0);
}

static void leaves_out_what_does_not_fit(void)
{
    uint8_t buffer[12];
    struct records records = {.bytes = buffer, .room = sizeof buffer};
    record_begin(&records, RECORD_DONE, (struct cell){0});
    record_put(&records, 0, 1);
    EXPECT(record_end(&records));
    size_t before = records.size;
    record_begin(&records, RECORD_WANT, (struct cell){0});
    record_put(&records, 1, 4);
    record_put(&records, 2, 4);
    EXPECT(!record_end(&records));
    EXPECT(records.size == before);
    records_cut(&records);
    shoal_bytes items = {buffer, records.size};
    struct record record;
    EXPECT(record_read(items_take(&items), &record) == 0 && record.is_cut);
}

int main(void)
{
    is_what_the_document_shows();
    refuses_what_is_none();
    skips_those_of_a_later_version();
    reads_what_it_has_written();
    leaves_out_what_does_not_fit();
    return expect_done();
}
