/* SPDX-License-Identifier: MIT */
/* Answers of DNS where there are many instances: what fits, and in which order.
 */
#include "dns_zone.h"

static uint8_t out[ANSWER_MAX];

static const char web[] = "web.service.shoal";

/* The number of the member at the i-th address, each record being 16 bytes. */
static unsigned member_at(const uint8_t *answer, size_t question, unsigned i)
{
    const uint8_t *ip = answer + question + 16 * i + 12;
    return (unsigned)ip[1] << 16 | (unsigned)ip[2] << 8 | ip[3];
}

static size_t question_size(const char *name)
{
    return QUERY_HEADER + strlen(name) + 2 + 4;
}

static void is_cut_where_a_datagram_ends(void)
{
    struct zone zone;
    unsigned fits;
    zone_open(&zone);
    for (unsigned i = 1; i <= 5000; i++)
        zone_put(&zone, i, 1, true);
    EXPECT(zone_ask(&zone, web, DNS_A, 0, false, out) <= QUERY_PLAIN);
    EXPECT(zone_is_cut(out));
    EXPECT(zone_count(out, 1) == (QUERY_PLAIN - question_size(web)) / 16);
    EXPECT(zone_ask(&zone, web, DNS_A, 100, false, out) <= QUERY_PLAIN);
    EXPECT(zone_ask(&zone, web, DNS_A, 700, false, out) <= 700);
    EXPECT(zone_count(out, 1) == (700 - 11 - question_size(web)) / 16);
    EXPECT(zone_ask(&zone, web, DNS_A, 4096, false, out) <= QUERY_LARGEST);
    EXPECT(zone_count(out, 1) ==
           (QUERY_LARGEST - 11 - question_size(web)) / 16);
    EXPECT(zone_count(out, 3) == 1 && zone_is_cut(out));
    /* without a stop for anything by TCP, and never too large for it */
    EXPECT(zone_ask(&zone, web, DNS_A, 0, true, out) <= ANSWER_MAX);
    fits = zone_count(out, 1);
    EXPECT(fits == (ANSWER_MAX - question_size(web)) / 16 && !zone_is_cut(out));
    table_free(zone.table);
}

/* Additional records that do not fit are no reason to ask again. */
static void additional_records_are_left_out_silently(void)
{
    struct zone zone;
    unsigned services;
    zone_open(&zone);
    for (unsigned i = 1; i <= 12; i++)
        zone_put(&zone, i, 1, true);
    EXPECT(zone_ask(&zone, web, DNS_SRV, 0, false, out) <= QUERY_PLAIN);
    services = zone_count(out, 1);
    EXPECT(services == 12 && !zone_is_cut(out));
    EXPECT(zone_count(out, 3) < 12);
    EXPECT(zone_ask(&zone, web, DNS_SRV, 1232, false, out) <= QUERY_LARGEST);
    EXPECT(zone_count(out, 1) == 12 && zone_count(out, 3) == 13);
    table_free(zone.table);
}

/* Each of a list is there once, whatever the order. */
static void nobody_is_named_twice(void)
{
    struct zone zone;
    bool seen[1001] = {false};
    zone_open(&zone);
    for (unsigned i = 1; i <= 1000; i++)
        zone_put(&zone, i, (uint16_t)(i % 7 + 1), true);
    zone_put(&zone, 1001, 1, false);
    for (unsigned i = 1; i <= 1000; i += 3)
        zone_put(&zone, i, 2, true); /* again */
    (void)zone_ask(&zone, web, DNS_A, 0, true, out);
    EXPECT(zone_count(out, 1) == 1000);
    for (unsigned i = 0; i < zone_count(out, 1); i++) {
        unsigned member = member_at(out, question_size(web), i);
        if (EXPECT(member >= 1 && member <= 1000 && !seen[member]))
            seen[member] = true;
    }
    for (unsigned i = 1; i <= 1000; i += 2)
        zone_drop(&zone, i);
    (void)zone_ask(&zone, web, DNS_A, 0, true, out);
    EXPECT(zone_count(out, 1) == 500);
    (void)zone_ask(&zone, "odd.web.service.shoal", DNS_A, 0, true, out);
    EXPECT(zone_count(out, 1) == 0);
    (void)zone_ask(&zone, "even.web.service.shoal", DNS_A, 0, true, out);
    EXPECT(zone_count(out, 1) == 500);
    for (unsigned i = 2; i <= 1001; i++)
        zone_drop(&zone, i);
    (void)zone_ask(&zone, web, DNS_A, 0, true, out);
    EXPECT((out[3] & 15) == DNS_NXDOMAIN);
    EXPECT(table_num_members(zone.table) == 0);
    table_free(zone.table);
}

/* How often in 10,000 answers the member of weight 9 is the first, among
 * `others` of weight 1. */
static unsigned times_first(unsigned others)
{
    struct zone zone;
    unsigned first = 0;
    zone_open(&zone);
    zone_put(&zone, 1, 9, true);
    zone_put(&zone, 2, 0, true); /* never */
    for (unsigned i = 0; i < others; i++)
        zone_put(&zone, 3 + i, 1, true);
    for (unsigned i = 0; i < 10000; i++) {
        (void)zone_ask(&zone, web, DNS_A, 0, false, out);
        unsigned member = member_at(out, question_size(web), 0);
        first += member == 1;
        if (!EXPECT(member != 2))
            break;
    }
    table_free(zone.table);
    return first;
}

/* The generator's seed is fixed, so that these are what they are. */
static void the_order_follows_the_weights(void)
{
    unsigned few = times_first(3), many = times_first(900);
    EXPECT(few > 7300 && few < 7700);
    EXPECT(many > 70 && many < 130);
}

/* Random numbers that were drawn for an answer; at most 100,000. */
static unsigned draws_of(struct zone *zone, const char *name, uint16_t type,
                         uint16_t edns)
{
    struct rng rng = zone->rng;
    unsigned draws = 0;
    (void)zone_ask(zone, name, type, edns, false, out);
    while (rng.state != zone->rng.state && draws++ < 100000)
        (void)rng_next(&rng);
    return draws;
}

static void put_at(struct zone *zone, const char *key, const char *host,
                   uint16_t weight)
{
    struct table_service web_at = {
        bytes_of_text("web"), bytes_of_text(host), 80, weight, true, NULL, 0};
    struct table_description member = {.services = &web_at, .num_services = 1};
    EXPECT(table_put(zone->table, bytes_of_text(key), &member) == 0);
}

/* An answer must not cost more with 5,000 instances that have no such record,
 * or the same as another, or next to no weight beside one. */
static void what_is_not_written_is_not_looked_at(void)
{
    struct zone zone;
    zone_open(&zone);
    for (unsigned i = 1; i <= 5000; i++)
        zone_put(&zone, i, 0, true);
    EXPECT(draws_of(&zone, web, DNS_A, 1232) == 0 && zone_count(out, 1) == 0);
    EXPECT(draws_of(&zone, web, DNS_TXT, 1232) <= 1024 * 2 * 4 + 8 * 2 * 32);
    EXPECT(zone_count(out, 1) == 2);
    for (unsigned i = 1; i <= 5000; i++)
        zone_put(&zone, i, 1, true);
    EXPECT(draws_of(&zone, web, DNS_AAAA, 1232) == 0);
    EXPECT(zone_count(out, 1) == 0 && zone_count(out, 2) == 1);
    zone_put(&zone, 1, 65535, true);
    EXPECT(draws_of(&zone, web, DNS_A, 1232) <= 76 * 2 * 4 + 8 * 2 * 32);
    EXPECT(zone_count(out, 1) > 70);
    put_at(&zone, "six", "fd00::1", 1);
    EXPECT(draws_of(&zone, web, DNS_AAAA, 1232) <= 1);
    EXPECT(zone_count(out, 1) == 1);
    EXPECT(draws_of(&zone, "m1.node.shoal", DNS_SRV, 1232) == 0);
    table_free(zone.table);
}

/* The heaviest has gone, and the others still come by their weights. */
static void a_weight_that_is_gone_is_forgotten(void)
{
    struct zone zone;
    unsigned first = 0;
    zone_open(&zone);
    zone_put(&zone, 1, 65535, true);
    for (unsigned i = 2; i <= 900; i++)
        zone_put(&zone, i, i <= 450 ? 9 : 1, true);
    zone_drop(&zone, 1);
    for (unsigned i = 2; i <= 900; i++) { /* as if each had changed */
        zone_drop(&zone, i);
        zone_put(&zone, i, i <= 450 ? 9 : 1, true);
    }
    for (unsigned i = 0; i < 1000; i++) {
        (void)zone_ask(&zone, web, DNS_A, 0, false, out);
        first += member_at(out, question_size(web), 0) <= 450;
    }
    EXPECT(first > 860 && first < 940);
    table_free(zone.table);
}

/* ANY has addresses whenever there are some, whoever is first. */
static void anything_is_an_address_that_there_is(void)
{
    struct zone zone;
    zone_open(&zone);
    put_at(&zone, "name", "db.example.org", 1);
    EXPECT(zone_ask(&zone, web, DNS_ANY, 0, false, out) > 0);
    EXPECT(zone_count(out, 1) == 0);
    put_at(&zone, "without weight", "10.0.0.1", 0);
    put_at(&zone, "six", "fd00::1", 1);
    (void)zone_ask(&zone, web, DNS_ANY, 0, false, out);
    EXPECT(zone_count(out, 1) == 1);
    put_at(&zone, "four", "10.0.0.2", 1);
    (void)zone_ask(&zone, web, DNS_ANY, 0, false, out);
    EXPECT(zone_count(out, 1) == 1);
    table_drop(zone.table, bytes_of_text("six"));
    (void)zone_ask(&zone, web, DNS_ANY, 0, false, out);
    EXPECT(zone_count(out, 1) == 1);
    table_free(zone.table);
}

/* Several members of one host are one address, and several services. */
static void an_address_is_there_once(void)
{
    struct zone zone;
    zone_open(&zone);
    for (unsigned i = 1; i <= 3; i++) {
        struct table_service service = {bytes_of_text("web"),
                                        bytes_of_text("10.0.0.1"),
                                        (uint16_t)(80 + i),
                                        1,
                                        true,
                                        NULL,
                                        0};
        struct table_description member = {.name = bytes_of_text("same"),
                                           .host = bytes_of_text("10.0.0.1"),
                                           .services = &service,
                                           .num_services = 1};
        EXPECT(table_put(zone.table, bytes_of(&i, sizeof i), &member) == 0);
    }
    (void)zone_ask(&zone, web, DNS_A, 0, false, out);
    EXPECT(zone_count(out, 1) == 1);
    (void)zone_ask(&zone, web, DNS_SRV, 0, false, out);
    EXPECT(zone_count(out, 1) == 3 && zone_count(out, 3) == 1);
    (void)zone_ask(&zone, "same.node.shoal", DNS_A, 0, false, out);
    EXPECT(zone_count(out, 1) == 1);
    table_free(zone.table);
}

/* Names that are too long for DNS, or empty, are not there; the rest is. */
static void what_is_not_a_name_is_left_out(void)
{
    struct zone zone;
    char label[80], deep[260];
    zone_open(&zone);
    memset(label, 'x', sizeof label);
    for (size_t i = 0; i < sizeof deep; i++)
        deep[i] = i % 2 ? '.' : 'x';
    shoal_bytes tags[] = {bytes_of(label, 64), bytes_of(deep, 259),
                          bytes_of("", 0),     bytes_of_text("a..b"),
                          bytes_of(label, 63), bytes_of_text("Two.Labels")};
    struct table_service service = {
        bytes_of_text("web"), bytes_of_text("10.0.0.1"), 80, 1, true, tags, 6};
    struct table_description member = {.name = bytes_of_text("a..b"),
                                       .host = bytes_of_text("10.0.0.1"),
                                       .services = &service,
                                       .num_services = 1};
    EXPECT(table_put(zone.table, bytes_of_text("k"), &member) == 0);
    (void)zone_ask(&zone, web, DNS_A, 0, false, out);
    EXPECT(zone_count(out, 1) == 1);
    (void)zone_ask(&zone, "TWO.labels.web.service.shoal", DNS_A, 0, false, out);
    EXPECT(zone_count(out, 1) == 1);
    (void)zone_ask(&zone, "labels.web.service.shoal", DNS_A, 0, false, out);
    EXPECT(zone_count(out, 1) == 0 && (out[3] & 15) == DNS_NOERROR);
    /* its strings, without those that are too long */
    (void)zone_ask(&zone, web, DNS_TXT, 1232, false, out);
    EXPECT(zone_count(out, 1) == 1);
    table_free(zone.table);
}

int main(void)
{
    is_cut_where_a_datagram_ends();
    additional_records_are_left_out_silently();
    nobody_is_named_twice();
    the_order_follows_the_weights();
    what_is_not_written_is_not_looked_at();
    a_weight_that_is_gone_is_forgotten();
    anything_is_an_address_that_there_is();
    an_address_is_there_once();
    what_is_not_a_name_is_left_out();
    return expect_done();
}
