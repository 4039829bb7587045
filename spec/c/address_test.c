/* SPDX-License-Identifier: MIT */
/* Endpoints: what is one, what is none and why, and the table that finds their
 * socket addresses again. */
#include "host_test.h"

#include "base/address.h"
#include "host/endpoint_cache.h"
#include "host/host.h"

#include <arpa/inet.h>

static void an_address_comes_back_as_it_was_written(void)
{
    static const char *const texts[] = {
        "127.0.0.1:7946",     "0.0.0.0:0", "255.255.255.255:65535",
        "[::1]:80",           "[::]:0",    "[2001:db8::7]:7946",
        "[::ffff:10.0.0.1]:5"};
    size_t i;

    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        char out[ADDRESS_MAX_ENDPOINT];
        struct endpoint endpoint;

        CHECK(address_parse_endpoint(bytes_of_text(texts[i]), &endpoint,
                                     NULL) == 0);
        CHECK(!endpoint.is_name);
        address_format(&endpoint.address, out);
        CHECK(strcmp(out, texts[i]) == 0);
    }
}

static void a_zone_names_an_interface(void)
{
    char out[ADDRESS_MAX_ENDPOINT];
    struct endpoint endpoint;

    CHECK(address_parse_endpoint(bytes_of_text("[fe80::1%lo]:9"), &endpoint,
                                 NULL) == 0);
    address_format(&endpoint.address, out);
    CHECK(strcmp(out, "[fe80::1%lo]:9") == 0);
    CHECK(address_parse_endpoint(bytes_of_text("[fe80::1%1]:9"), &endpoint,
                                 NULL) == 0);
    CHECK(endpoint.address.as.v6.sin6_scope_id == 1);
    CHECK(address_parse_endpoint(bytes_of_text("[fe80::1%no-such]:9"),
                                 &endpoint, NULL));
}

static void a_name_is_kept_to_be_resolved(void)
{
    struct endpoint endpoint;

    CHECK(address_parse_endpoint(bytes_of_text("db-3.db_a.lan.:7946"),
                                 &endpoint, NULL) == 0);
    CHECK(endpoint.is_name);
    CHECK(strcmp(endpoint.name, "db-3.db_a.lan.") == 0);
    CHECK(endpoint.port == 7946);
    CHECK(address_parse_endpoint(bytes_of_text("3com:1"), &endpoint, NULL) ==
          0);
    CHECK(endpoint.is_name);
}

static void what_is_no_endpoint_is_told_why(void)
{
    static const struct {
        const char *text, *why;
    } wrong[] = {{"", "empty"},
                 {"localhost", "no port"},
                 {"[::1]", "no port"},
                 {":80", "no host"},
                 {"[]:80", "no host"},
                 {"::1:80", "brackets"},
                 {"[::1:80", "bracket"},
                 {"[::1]x:80", "bracket"},
                 {"a:", "port"},
                 {"a:b", "port"},
                 {"a:+1", "port"},
                 {"a:-1", "port"},
                 {"a: 1", "port"},
                 {"a:1 ", "port"},
                 {"a:0x1", "port"},
                 {"a:01", "port"},
                 {"a:65536", "port"},
                 {"a:99999999999999999999", "port"},
                 {"127.1:80", "IPv4"},
                 {"256.0.0.1:80", "IPv4"},
                 {"1.2.3.4.5:80", "IPv4"},
                 {"01.2.3.4:80", "IPv4"},
                 {"[1.2.3.4]:80", "IPv6"},
                 {"[::g]:80", "IPv6"},
                 {"[::1%]:80", "IPv6"},
                 {"a b:80", "host name"},
                 {" a:80", "host name"},
                 {"a..b:80", "host name"},
                 {".a:80", "host name"},
                 {"-a:80", "host name"},
                 {"a/b:80", "host name"},
                 {"\xc3\xa4:80", "host name"}};
    struct error error;
    struct endpoint endpoint;
    size_t i;

    for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK(address_parse_endpoint(bytes_of_text(wrong[i].text), &endpoint,
                                     &error) == -1);
        CHECK_SAYS(error.text, wrong[i].why);
    }
}

static void a_host_is_neither_too_long_nor_cut_by_a_zero_byte(void)
{
    const uint8_t zero[] = {'a', 0, 'b', ':', '1'};
    struct endpoint endpoint;
    char text[400];

    memset(text, 'a', sizeof text);
    memcpy(text + 253, ":80", 4);
    CHECK(address_parse_endpoint(bytes_of_text(text), &endpoint, NULL) == 0);
    memset(text, 'a', sizeof text);
    memcpy(text + 254, ":80", 4);
    CHECK(address_parse_endpoint(bytes_of_text(text), &endpoint, NULL) == -1);
    CHECK(address_parse_endpoint((shoal_bytes){zero, sizeof zero}, &endpoint,
                                 NULL) == -1);
}

/* Every prefix of a text in memory that ends right behind it. */
static void no_prefix_is_read_beyond_its_end(void)
{
    static const char *const texts[] = {"[2001:db8::7%lo]:7946",
                                        "name.lan:7946", "127.0.0.1:65535"};
    struct endpoint endpoint;
    size_t i, size;

    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size = 1; size <= strlen(texts[i]); size++) {
            uint8_t *exact = malloc(size);

            memcpy(exact, texts[i], size);
            (void)address_parse_endpoint((shoal_bytes){exact, size}, &endpoint,
                                         NULL);
            free(exact);
        }
    }
}

/* ---- What a socket can reach ---- */

static struct address address_of(const char *text)
{
    struct endpoint endpoint;

    CHECK(address_parse_endpoint(bytes_of_text(text), &endpoint, NULL) == 0);
    return endpoint.address;
}

static bool adapts_to(const char *text, struct address_reach reach,
                      const char *expected)
{
    struct address address = address_of(text);
    char out[ADDRESS_MAX_ENDPOINT];

    if (!address_adapt(&address, reach))
        return false;
    address_format(&address, out);
    return strcmp(out, expected) == 0;
}

static void an_ipv4_socket_reaches_ipv4_only(void)
{
    struct address_reach reach = {.family = AF_INET};

    CHECK(adapts_to("10.0.0.1:5", reach, "10.0.0.1:5"));
    CHECK(adapts_to("[::ffff:10.0.0.1]:5", reach, "10.0.0.1:5"));
    CHECK(!adapts_to("[::1]:5", reach, ""));
}

static void an_ipv6_socket_reaches_ipv4_if_it_is_open_to_both(void)
{
    struct address_reach both = {.family = AF_INET6, .dual = true},
                         only = {.family = AF_INET6};

    CHECK(adapts_to("[::1]:5", only, "[::1]:5"));
    CHECK(!adapts_to("10.0.0.1:5", only, ""));
    CHECK(adapts_to("10.0.0.1:5", both, "[::ffff:10.0.0.1]:5"));
    CHECK(adapts_to("[::1]:5", both, "[::1]:5"));
}

static void a_loopback_socket_reaches_the_loopback_only(void)
{
    struct address_reach v4 = {.family = AF_INET, .loopback = true},
                         v6 = {.family = AF_INET6, .loopback = true};

    CHECK(adapts_to("127.1.2.3:5", v4, "127.1.2.3:5"));
    CHECK(adapts_to("[::ffff:127.0.0.1]:5", v4, "127.0.0.1:5"));
    CHECK(adapts_to("0.0.0.0:5", v4, "0.0.0.0:5"));
    CHECK(!adapts_to("10.0.0.1:5", v4, ""));
    CHECK(!adapts_to("128.0.0.1:5", v4, ""));
    CHECK(adapts_to("[::1]:5", v6, "[::1]:5"));
    CHECK(!adapts_to("[fd00::1]:5", v6, ""));
}

/* ---- The table ---- */

static uint64_t clock_us;
static unsigned failures;
/* Used in threads of resolvers, which may outlive their test. */
static _Atomic unsigned lookups;
static _Atomic bool name_server_is_away;
static _Atomic int num_addresses, first_address; /* 10.0.0.1 and so on */

static uint64_t test_clock(void)
{
    return clock_us;
}

static void count_failure(void *context, const char *name, const char *error)
{
    (void)context, (void)name, (void)error;
    failures++;
}

/* In a resolver's thread: read after its answer was delivered. */
static const char *answer_ten(const char *name, uint16_t port,
                              struct address_reach reach, struct addresses *out)
{
    char text[ADDRESS_MAX_ENDPOINT];
    int i;

    (void)name, (void)reach;
    lookups++;
    if (name_server_is_away)
        return "nobody knows it";
    for (i = 0; i < num_addresses; i++) {
        struct address address;

        snprintf(text, sizeof text, "10.0.0.%d:%u", first_address + i, port);
        address = address_of(text);
        if (!addresses_add(out, &address))
            return "out of memory";
    }
    return NULL;
}

struct fixture {
    struct ev_loop *loop;
    struct resolver *resolver;
    struct endpoint_cache table;
};

static void set_up(struct fixture *f)
{
    struct address_reach reach = {.family = AF_INET};

    clock_us = 1;
    failures = 0;
    lookups = 0;
    name_server_is_away = false;
    num_addresses = 1;
    first_address = 1;
    f->loop = ev_loop_new(0);
    f->resolver = resolver_new(f->loop, reach, answer_ten);
    CHECK(f->loop && f->resolver);
    endpoint_cache_init(&f->table, reach, f->resolver, test_clock,
                        count_failure, NULL);
}

static void tear_down(struct fixture *f)
{
    resolver_free(f->resolver);
    endpoint_cache_clear(&f->table);
    ev_loop_destroy(f->loop);
}

static bool leads_to(const struct address *found, const char *expected)
{
    char out[ADDRESS_MAX_ENDPOINT];

    if (!found)
        return expected == NULL;
    address_format(found, out);
    return expected && strcmp(out, expected) == 0;
}

static bool finds(struct fixture *f, const char *text, const char *expected)
{
    return leads_to(endpoint_cache_find(&f->table, bytes_of_text(text), 0),
                    expected);
}

static void an_address_is_found_at_once_and_again(void)
{
    struct fixture f;
    char text[40];
    int i;

    set_up(&f);
    for (i = 0; i < 5000; i++) { /* more than there are slots */
        snprintf(text, sizeof text, "10.0.%d.%d:7946", i % 1000 / 250, i % 250);
        CHECK(finds(&f, text, text));
    }
    tear_down(&f);
}

static void nothing_is_found_for_what_is_no_endpoint_or_out_of_reach(void)
{
    struct fixture f;

    set_up(&f);
    CHECK(finds(&f, "", NULL));
    CHECK(finds(&f, "no port", NULL));
    CHECK(finds(&f, "[::1]:80", NULL));
    CHECK(finds(&f, "[::1]:80", NULL));
    CHECK(finds(&f, "10.0.0.1:0", NULL));
    CHECK(finds(&f, "name:0", NULL));
    CHECK(lookups == 0);
    tear_down(&f);
}

static bool name_is_known(void *context)
{
    struct fixture *f = context;

    return finds(f, "a.lan:5", "10.0.0.1:5");
}

static void a_name_is_found_once_it_was_looked_up(void)
{
    struct fixture f;

    set_up(&f);
    CHECK(finds(&f, "a.lan:5", NULL));
    CHECK(run_until(f.loop, name_is_known, &f));
    CHECK(lookups == 1);
    tear_down(&f);
}

static bool was_looked_up_twice(void *context)
{
    (void)context;
    return lookups == 2;
}

static void a_name_stays_known_while_it_is_looked_up_again(void)
{
    struct fixture f;

    set_up(&f);
    CHECK(run_until(f.loop, name_is_known, &f));
    clock_us += ENDPOINTS_FRESH_US;
    CHECK(name_is_known(&f));
    CHECK(run_until(f.loop, was_looked_up_twice, NULL));
    CHECK(name_is_known(&f));
    tear_down(&f);
}

static bool one_failed(void *context)
{
    (void)context;
    return failures == 1;
}

static void a_failure_is_remembered_for_a_while(void)
{
    struct fixture f;

    set_up(&f);
    name_server_is_away = true;
    CHECK(finds(&f, "a.lan:5", NULL));
    CHECK(run_until(f.loop, one_failed, NULL));
    CHECK(finds(&f, "a.lan:5", NULL));
    CHECK(lookups == 1);
    name_server_is_away = false;
    clock_us += ENDPOINTS_RETRY_US;
    CHECK(run_until(f.loop, name_is_known, &f));
    tear_down(&f);
}

static void ten_thousand_names_do_not_grow_it_without_end(void)
{
    struct fixture f;
    char text[40];
    int i;

    set_up(&f);
    for (i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "host-%d.lan:5", i);
        CHECK(finds(&f, text, NULL));
        ev_run(f.loop, EVRUN_NOWAIT);
    }
    tear_down(&f);
    /* its threads may still be at it */
    CHECK(lookups <= 10000);
}

/* ---- A name with several addresses ---- */

enum { ANSWER_US = 500 * 1000 };

static bool asks(struct fixture *f, const char *expected)
{
    return leads_to(
        endpoint_cache_find(&f->table, bytes_of_text("a.lan:5"), ANSWER_US),
        expected);
}

static void hear_from(struct fixture *f, const char *text)
{
    struct address from = address_of(text);

    endpoint_cache_heard(&f->table, &from);
}

static void set_up_name(struct fixture *f, int count)
{
    set_up(f);
    num_addresses = count;
    CHECK(run_until(f->loop, name_is_known, f));
}

static void the_next_address_is_used_when_one_does_not_answer(void)
{
    struct fixture f;

    set_up_name(&f, 3);
    CHECK(asks(&f, "10.0.0.1:5"));
    clock_us += ANSWER_US - 1;
    CHECK(finds(&f, "a.lan:5", "10.0.0.1:5"));
    clock_us += 1;
    CHECK(finds(&f, "a.lan:5", "10.0.0.2:5"));
    clock_us += 10 * ANSWER_US; /* to which it was no question */
    CHECK(asks(&f, "10.0.0.2:5"));
    clock_us += ANSWER_US;
    CHECK(asks(&f, "10.0.0.3:5"));
    clock_us += ANSWER_US;
    CHECK(asks(&f, "10.0.0.1:5"));
    tear_down(&f);
}

static void an_address_that_answers_stays_in_use(void)
{
    struct fixture f;

    set_up_name(&f, 3);
    CHECK(asks(&f, "10.0.0.1:5"));
    hear_from(&f, "10.0.0.1:5");
    clock_us += ANSWER_US;
    CHECK(asks(&f, "10.0.0.1:5"));
    clock_us += ANSWER_US; /* an answer may be lost */
    CHECK(asks(&f, "10.0.0.1:5"));
    CHECK(asks(&f, "10.0.0.2:5"));
    tear_down(&f);
}

static void the_address_that_is_heard_is_the_one_to_use(void)
{
    struct fixture f;

    set_up_name(&f, 3);
    CHECK(asks(&f, "10.0.0.1:5"));
    hear_from(&f, "10.0.0.9:5");
    hear_from(&f, "10.0.0.3:6"); /* a neighbour's port */
    CHECK(finds(&f, "a.lan:5", "10.0.0.1:5"));
    hear_from(&f, "10.0.0.3:5");
    CHECK(finds(&f, "a.lan:5", "10.0.0.3:5"));
    tear_down(&f);
}

static void what_works_is_used_on_after_a_new_lookup(void)
{
    struct fixture f;

    set_up_name(&f, 3);
    CHECK(asks(&f, "10.0.0.1:5"));
    hear_from(&f, "10.0.0.3:5");
    num_addresses = 2;
    first_address = 2;
    clock_us += ENDPOINTS_FRESH_US;
    CHECK(finds(&f, "a.lan:5", "10.0.0.3:5"));
    CHECK(run_until(f.loop, was_looked_up_twice, NULL));
    run_for(f.loop, 0.01);
    CHECK(finds(&f, "a.lan:5", "10.0.0.3:5"));
    tear_down(&f);
}

static bool is_known_by(void *context)
{
    struct fixture *f = context;
    struct address third = address_of("10.0.0.3:5");

    return endpoint_cache_has(&f->table, bytes_of_text("b.lan:5"), &third);
}

static void all_addresses_are_known_to_be_the_names(void)
{
    struct address first = address_of("10.0.0.1:5"),
                   mapped = address_of("[::ffff:10.0.0.1]:5");
    struct fixture f;

    set_up(&f);
    num_addresses = 3;
    CHECK(run_until(f.loop, is_known_by, &f));
    CHECK(endpoint_cache_has(&f.table, bytes_of_text("b.lan:5"), &mapped));
    CHECK(!endpoint_cache_has(&f.table, bytes_of_text("b.lan:6"), &first));
    CHECK(endpoint_cache_has(&f.table, bytes_of_text("10.0.0.1:5"), &first));
    CHECK(!endpoint_cache_has(&f.table, bytes_of_text("10.0.0.2:5"), &first));
    tear_down(&f);
}

/* Each is asked, and none of them answers; some are forgotten meanwhile. */
static void many_silent_names_are_no_burden(void)
{
    struct fixture f;
    char text[40];
    int i, round;

    set_up(&f);
    num_addresses = 3;
    for (round = 0; round < 3; round++) {
        for (i = 0; i < 2000; i++) {
            snprintf(text, sizeof text, "host-%d.lan:5", i);
            (void)endpoint_cache_find(&f.table, bytes_of_text(text), ANSWER_US);
            ev_run(f.loop, EVRUN_NOWAIT);
            hear_from(&f, "10.9.9.9:5");
        }
        run_for(f.loop, 0.1);
    }
    CHECK(f.table.num_awaited <= ENDPOINTS_AWAITED);
    tear_down(&f);
}

int main(void)
{
    RUN(an_address_comes_back_as_it_was_written);
    RUN(a_zone_names_an_interface);
    RUN(a_name_is_kept_to_be_resolved);
    RUN(what_is_no_endpoint_is_told_why);
    RUN(a_host_is_neither_too_long_nor_cut_by_a_zero_byte);
    RUN(no_prefix_is_read_beyond_its_end);
    RUN(an_ipv4_socket_reaches_ipv4_only);
    RUN(an_ipv6_socket_reaches_ipv4_if_it_is_open_to_both);
    RUN(a_loopback_socket_reaches_the_loopback_only);
    RUN(an_address_is_found_at_once_and_again);
    RUN(nothing_is_found_for_what_is_no_endpoint_or_out_of_reach);
    RUN(a_name_is_found_once_it_was_looked_up);
    RUN(a_name_stays_known_while_it_is_looked_up_again);
    RUN(a_failure_is_remembered_for_a_while);
    RUN(ten_thousand_names_do_not_grow_it_without_end);
    RUN(the_next_address_is_used_when_one_does_not_answer);
    RUN(an_address_that_answers_stays_in_use);
    RUN(the_address_that_is_heard_is_the_one_to_use);
    RUN(what_works_is_used_on_after_a_new_lookup);
    RUN(all_addresses_are_known_to_be_the_names);
    RUN(many_silent_names_are_no_burden);
    return 0;
}
