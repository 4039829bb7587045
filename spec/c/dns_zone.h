/* SPDX-License-Identifier: MIT */
/* A table with services for tests, and queries as bytes. */
#ifndef SPEC_DNS_ZONE_H
#define SPEC_DNS_ZONE_H

#include "../../src/base/bytes.h"
#include "../../src/dns/answer.h"
#include "expect.h"

static inline void zone_open(struct zone *zone)
{
    *zone = (struct zone){.rng = {1}};
    zone->table = table_new(7);
    EXPECT(label_add_text(&zone->domain, bytes_of_text("shoal"), 63));
}

/* Member `number` at 10.0.0.0 + number has "web" with that weight, port 80 and
 * the tag "even" or "odd". */
static inline void zone_put(struct zone *zone, unsigned number, uint16_t weight,
                            bool is_passing)
{
    char host[32], name[32];
    shoal_bytes tag = bytes_of_text(number % 2 ? "odd" : "even");
    snprintf(host, sizeof host, "10.%u.%u.%u", number >> 16, number >> 8 & 255,
             number & 255);
    snprintf(name, sizeof name, "m%u", number);
    struct table_service web = {bytes_of_text("web"),
                                bytes_of_text(host),
                                80,
                                weight,
                                is_passing,
                                &tag,
                                1};
    struct table_description member = {.name = bytes_of_text(name),
                                       .host = bytes_of_text(host),
                                       .services = &web,
                                       .num_services = 1};
    EXPECT(table_put(zone->table, bytes_of(&number, sizeof number), &member) ==
           0);
}

static inline void zone_drop(struct zone *zone, unsigned number)
{
    table_drop(zone->table, bytes_of(&number, sizeof number));
}

/* A query of "name.shoal", with EDNS of that size (0: without). */
static inline shoal_bytes zone_query(const char *text, uint16_t type,
                                     uint16_t edns)
{
    static uint8_t query[512];
    struct label_name name = {.size = 0};
    uint8_t *at = query;
    memset(query, 0, sizeof query);
    EXPECT(label_add_text(&name, bytes_of_text(text), LABEL_MAX_NAME - 1));
    query[1] = 9;
    query[5] = 1;
    query[11] = edns > 0;
    at = bytes_copy(query + QUERY_HEADER, label_bytes(&name)) + 1;
    bytes_put_u16be(at, type);
    bytes_put_u16be(at + 2, DNS_IN);
    at += 4;
    if (edns > 0) {
        bytes_put_u16be(at + 1, DNS_OPT);
        bytes_put_u16be(at + 3, edns);
        at += 11;
    }
    return bytes_of(query, (size_t)(at - query));
}

/* Bytes of the answer; its records are counted in the header. */
static inline size_t zone_ask(struct zone *zone, const char *text,
                              uint16_t type, uint16_t edns, bool is_stream,
                              uint8_t *out)
{
    return answer_query(zone, zone_query(text, type, edns), is_stream, out,
                        is_stream ? ANSWER_MAX : QUERY_LARGEST);
}

static inline unsigned zone_count(const uint8_t *answer, unsigned section)
{
    return bytes_u16be(answer + 4 + 2 * section);
}

static inline bool zone_is_cut(const uint8_t *answer)
{
    return (bytes_u16be(answer + 2) & DNS_TC) != 0;
}

#endif
