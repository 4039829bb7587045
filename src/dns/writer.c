/* SPDX-License-Identifier: MIT */
#include "writer.h"

#include "../base/bytes.h"

void writer_init(struct writer *writer, uint8_t *out, size_t room)
{
    memset(writer, 0, sizeof *writer);
    writer->begin = out;
    writer->at = out + QUERY_HEADER;
    writer->end = out + room;
}

/* Where `size` bytes may go; NULL: nowhere. */
static uint8_t *take(struct writer *writer, size_t size)
{
    uint8_t *at = writer->at;

    if (writer->is_full || (size_t)(writer->end - at) < size) {
        writer->is_full = true;
        return NULL;
    }
    writer->at += size;
    return at;
}

void writer_bytes(struct writer *writer, shoal_bytes bytes)
{
    uint8_t *at = take(writer, bytes.size);

    if (at)
        bytes_copy(at, bytes);
}

void writer_u16(struct writer *writer, uint16_t value)
{
    uint8_t *at = take(writer, 2);

    if (at)
        bytes_put_u16be(at, value);
}

void writer_u32(struct writer *writer, uint32_t value)
{
    writer_u16(writer, (uint16_t)(value >> 16));
    writer_u16(writer, (uint16_t)value);
}

void writer_put_name(struct writer *writer, struct writer_name name)
{
    static const uint8_t end = 0;

    writer_bytes(writer, name.labels);
    if (name.go_on > 0)
        writer_u16(writer, (uint16_t)(0xc000 | name.go_on));
    else
        writer_bytes(writer, (shoal_bytes){&end, 1});
}

void writer_question(struct writer *writer, shoal_bytes question)
{
    writer_bytes(writer, question);
    writer->counts[0] = question.size > 0 ? 1 : 0;
}

void writer_begin(struct writer *writer, struct writer_name owner,
                  uint16_t type, uint32_t ttl)
{
    writer->record = writer->at;
    writer_put_name(writer, owner);
    writer_u16(writer, type);
    writer_u16(writer, DNS_IN);
    writer_u32(writer, ttl);
    writer_u16(writer, 0);
    writer->rdata = writer->at;
}

bool writer_end(struct writer *writer, enum writer_section section)
{
    if (writer->is_full) {
        writer->at = writer->record;
        return false;
    }
    bytes_put_u16be(writer->rdata - 2, (size_t)(writer->at - writer->rdata));
    writer->counts[section]++;
    return true;
}

void writer_opt(struct writer *writer, uint8_t rcode_high, bool is_dnssec)
{
    uint8_t *at = writer->at;

    memset(at, 0, WRITER_OPT);
    bytes_put_u16be(at + 1, DNS_OPT);
    bytes_put_u16be(at + 3, QUERY_LARGEST);
    at[5] = rcode_high;
    at[7] = is_dnssec ? 0x80 : 0;
    writer->at += WRITER_OPT;
    writer->counts[WRITER_ADDITIONAL]++;
}

size_t writer_finish(struct writer *writer, uint16_t id, uint16_t flags)
{
    unsigned i;

    bytes_put_u16be(writer->begin, id);
    bytes_put_u16be(writer->begin + 2, flags);
    for (i = 0; i < 4; i++)
        bytes_put_u16be(writer->begin + 4 + 2 * i, writer->counts[i]);
    return (size_t)(writer->at - writer->begin);
}
