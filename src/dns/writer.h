/* SPDX-License-Identifier: MIT */
/* Writes an answer record by record. A record is whole, or not there. */
#ifndef SHOAL_DNS_WRITER_H
#define SHOAL_DNS_WRITER_H

#include "query.h"

/* The counts in a header. */
enum writer_section { WRITER_ANSWER = 1, WRITER_AUTHORITY, WRITER_ADDITIONAL };

struct writer {
    uint8_t *begin, *at, *end; /* `end`: what may be written before */
    uint16_t counts[4];
    bool is_full; /* something did not fit */
    /* Of the record that is being written. */
    uint8_t *record, *rdata;
};

/* A name in a record: labels, and an offset in the message that they go on at
 * (0: they end). */
struct writer_name {
    shoal_bytes labels;
    size_t go_on;
};

void writer_init(struct writer *writer, uint8_t *out, size_t room);
/* Behind the header. */
void writer_question(struct writer *writer, shoal_bytes question);
/* Between begin and end come the bytes of a record's data. */
void writer_begin(struct writer *writer, struct writer_name owner,
                  uint16_t type, uint32_t ttl);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_bytes(struct writer *writer, shoal_bytes bytes);
void writer_put_name(struct writer *writer, struct writer_name name);
/* false: it did not fit, and is not there. */
bool writer_end(struct writer *writer, enum writer_section section);
/* An OPT (RFC 6891), in `WRITER_OPT` bytes that were not `end`'s. */
enum { WRITER_OPT = 11 };
void writer_opt(struct writer *writer, uint8_t rcode_high, bool is_dnssec);
/* Writes the header. The size of the whole. */
size_t writer_finish(struct writer *writer, uint16_t id, uint16_t flags);

#endif
