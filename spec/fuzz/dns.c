/* SPDX-License-Identifier: MIT */
/*
 * DNS: what members say of themselves, and queries. The input is a list of
 * steps:
 *
 *   0  member, u8 flags, strings   a member is described: its name, the names
 * of two services, their hosts, three tags 1  member                      it is
 * gone 2  u8 size, that many bytes    a query by UDP; 3: by TCP 4  u8 type,
 * string             a proper query of a name below the domain
 *
 * A string is its size and that many bytes. Whatever comes, an answer is no
 * larger than it may be, and is a well-formed answer to that query: its records
 * are as many as its header says, and end where it ends.
 */
#include "../../src/base/bytes.h"
#include "../../src/dns/answer.h"
#include "fuzz.h"

enum { MEMBERS = 16, NUM_STEPS = 5, MOST_STEPS = 512 };

static uint8_t out[ANSWER_MAX];

static shoal_bytes string(struct input *input)
{
    return input_bytes(input, input_byte(input));
}

static void describe(struct zone *zone, struct input *input)
{
    uint8_t member = input_byte(input) % MEMBERS, flags = input_byte(input);
    struct table_service services[2] = {{.num_tags = 0}};
    struct table_description description = {.name = string(input),
                                            .host = string(input),
                                            .services = services,
                                            .num_services = flags % 3};
    shoal_bytes tags[3];
    for (int i = 0; i < 3; i++)
        tags[i] = string(input);
    for (int i = 0; i < 2; i++) {
        services[i].name = string(input);
        services[i].host = string(input);
        services[i].port = input_u16(input);
        services[i].weight = input_u16(input);
        services[i].is_passing = (flags >> (4 + i) & 1) != 0;
        services[i].tags = tags;
        services[i].num_tags = flags >> 6;
    }
    description.texts = tags;
    description.num_texts = flags >> 6;
    MUST(table_put(zone->table, bytes_of(&member, 1), &description) == 0);
}

/* Where the name at `at` ends: it is in the message, and comes to an end. */
static size_t skip_name(shoal_bytes answer, size_t at)
{
    size_t end = 0;
    for (int labels = 0; labels < 130; labels++) {
        MUST(at < answer.size);
        uint8_t size = answer.data[at];
        if (size == 0)
            return end ? end : at + 1;
        if (size >= 0xc0) {
            MUST(at + 1 < answer.size);
            end = end ? end : at + 2;
            size_t to = bytes_u16be(answer.data + at) & 0x3fff;
            MUST(to < at && to >= QUERY_HEADER);
            at = to;
            continue;
        }
        MUST(size <= LABEL_MAX);
        at += 1 + (size_t)size;
    }
    MUST(!"a name without an end");
    return 0;
}

static size_t skip_record(shoal_bytes answer, size_t at)
{
    at = skip_name(answer, at);
    MUST(at + 10 <= answer.size);
    uint16_t type = bytes_u16be(answer.data + at);
    size_t size = bytes_u16be(answer.data + at + 8);
    at += 10;
    MUST(at + size <= answer.size);
    if (type == DNS_A)
        MUST(size == 4);
    else if (type == DNS_AAAA)
        MUST(size == 16);
    else if (type == DNS_SRV)
        MUST(skip_name(answer, at + 6) == at + size);
    else if (type == DNS_TXT)
        MUST(size > 0);
    return at + size;
}

static void check(shoal_bytes query, shoal_bytes answer)
{
    size_t at = QUERY_HEADER;
    MUST(answer.size >= QUERY_HEADER);
    MUST(memcmp(answer.data, query.data, 2) == 0);
    MUST((query.data[2] & 0x80) == 0 && (answer.data[2] & 0x80) != 0);
    MUST(bytes_u16be(answer.data + 4) <= 1);
    if (bytes_u16be(answer.data + 4) == 1) {
        at = skip_name(answer, at) + 4;
        MUST(at <= answer.size && at <= query.size);
        MUST(memcmp(answer.data + QUERY_HEADER, query.data + QUERY_HEADER,
                    at - QUERY_HEADER) == 0);
    }
    for (int section = 1; section < 4; section++)
        for (unsigned i = bytes_u16be(answer.data + 4 + 2 * section); i > 0;
             i--)
            at = skip_record(answer, at);
    MUST(at == answer.size);
}

static void ask(struct zone *zone, shoal_bytes query, bool is_stream)
{
    size_t room = is_stream ? ANSWER_MAX : QUERY_LARGEST;
    uint8_t *copy = malloc(query.size ? query.size : 1);
    bytes_copy(copy, query);
    size_t size =
        answer_query(zone, bytes_of(copy, query.size), is_stream, out, room);
    MUST(size <= room);
    if (size > 0)
        check(query, bytes_of(out, size));
    free(copy);
}

static void ask_properly(struct zone *zone, struct input *input)
{
    static const uint16_t types[] = {DNS_A,   DNS_AAAA, DNS_SRV, DNS_TXT,
                                     DNS_SOA, DNS_NS,   DNS_ANY};
    uint16_t type = types[input_byte(input) % (sizeof types / sizeof *types)];
    struct label_name name = {.size = 0};
    uint8_t query[QUERY_HEADER + LABEL_MAX_NAME + 4] = {0, 1, 0, 0, 0, 1};
    (void)label_add_text(&name, string(input), LABEL_MAX_OWN);
    (void)label_add(&name, label_bytes(&zone->domain), LABEL_MAX_NAME - 1);
    uint8_t *at = bytes_copy(query + QUERY_HEADER, label_bytes(&name));
    *at++ = 0;
    bytes_put_u16be(at, type);
    bytes_put_u16be(at + 2, DNS_IN);
    ask(zone, bytes_of(query, (size_t)(at + 4 - query)), false);
}

static void act(struct zone *zone, struct input *input)
{
    uint8_t member, step = input_byte(input) % NUM_STEPS;
    switch (step) {
    case 0:
        describe(zone, input);
        break;
    case 1:
        member = input_byte(input) % MEMBERS;
        table_drop(zone->table, bytes_of(&member, 1));
        break;
    case 2:
    case 3:
        ask(zone, string(input), step == 3);
        break;
    case 4:
        ask_properly(zone, input);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone zone = {.table = table_new(1), .rng = {1}};
    struct input input = {data, size};
    zone.server = (struct table_host){4, {127, 0, 0, 1}};
    MUST(zone.table);
    MUST(
        label_add_text(&zone.domain, bytes_of_text("shoal"), LABEL_MAX_DOMAIN));
    for (int i = 0; i < MOST_STEPS && input.size > 0; i++)
        act(&zone, &input);
    for (uint8_t member = 0; member < MEMBERS; member++)
        table_drop(zone.table, bytes_of(&member, 1));
    MUST(table_num_members(zone.table) == 0);
    /* nothing of them is left */
    ask(&zone,
        bytes_of("\0\1\0\0\0\1\0\0\0\0\0\0\3web\7service\5shoal\0\0\1\0\1", 35),
        false);
    table_free(zone.table);
    return 0;
}
