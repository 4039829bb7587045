/* SPDX-License-Identifier: MIT */
/*
 * The reader of a member's memory on disk, against whoever writes the file. The
 * input is a file; and, since few have the right check by chance, the records
 * of one that has.
 */
#include "fuzz.h"

#include "../../src/disk/crc64.h"
#include "../../src/disk/snapshot.h"

enum { HEAD = 14, CHECK = 8, LABEL = 6 };

static void put(uint8_t *at, uint64_t number, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(number >> 8 * (size - 1 - i));
}

static size_t touch(shoal_bytes bytes)
{
    size_t sum = 0;
    for (size_t i = 0; i < bytes.size; i++)
        sum += bytes.data[i];
    return sum;
}

/* What it says can be written again, and is the same. */
static void read_all(shoal_bytes file)
{
    struct snapshot_record record;
    struct snapshot_writer writer;
    size_t at = 0, sum = 0;
    snapshot_begin(&writer, "l");
    while (snapshot_next(file, &at, &record)) {
        if (record.kind == SNAPSHOT_MEMBER)
            sum += touch(record.as.member.id) + touch(record.as.member.addr) +
                   touch(record.as.member.endpoint) +
                   touch(record.as.member.tags);
        else if (record.kind == SNAPSHOT_SELF)
            sum += touch(record.as.self.id);
        sum += touch(record.bytes);
        if (record.kind != SNAPSHOT_CLUSTER)
            snapshot_put(&writer, &record);
    }
    MUST(sum <= 256 * file.size);
    MUST(snapshot_end(&writer));
    MUST(writer.size <= file.size);
    MUST(!snapshot_problem((shoal_bytes){writer.bytes, writer.size}, "l"));
    snapshot_free(writer.bytes, writer.size);
}

static void read_file(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (size > 0)
        memcpy(copy, data, size);
    if (!snapshot_problem((shoal_bytes){copy, size}, "l"))
        read_all((shoal_bytes){copy, size});
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t label[LABEL] = {SNAPSHOT_CLUSTER, 0, 0, 0, 1, 'l'};
    size_t all = HEAD + LABEL + size + CHECK;
    uint8_t *file = malloc(all);
    memcpy(file, "SHOALMEM", 8);
    put(file + 8, SNAPSHOT_VERSION, 2);
    put(file + 10, LABEL + size, 4);
    memcpy(file + HEAD, label, LABEL);
    if (size > 0)
        memcpy(file + HEAD + LABEL, data, size);
    put(file + all - CHECK, crc64(file, all - CHECK), 8);
    read_file(file, all);
    free(file);
    read_file(data, size);
    return 0;
}
