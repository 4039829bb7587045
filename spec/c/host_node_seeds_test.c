/* SPDX-License-Identifier: MIT */
/* Seeds: addresses and names, there or not yet there. */
#include "host_members.h"

#include "host/node.h"

#include <ifaddrs.h>

static void joining_tells_what_cannot_work(void)
{
    struct error error;
    struct member a;

    make_member(&a, NULL);
    CHECK(host_join(a.node, "nonsense", on_joined, &a, &error) == -1);
    CHECK_SAYS(error.text, "no port");
    CHECK(host_join(a.node, "127.0.0.1:0", on_joined, &a, &error) == -1);
    CHECK_SAYS(error.text, "the port must not be 0");
    CHECK(a.joined == 0);
    host_close(a.node);
}

static void a_seed_may_be_named_before_the_start_and_by_name(void)
{
    struct member m[2];
    char seed[ADDRESS_MAX_ENDPOINT];

    make_member(&m[0], NULL);
    snprintf(seed, sizeof seed, "localhost%s", host_bound(m[0].node) + 9);
    open_member(&m[1], "127.0.0.1:0", NULL, NULL);
    join(&m[1], seed);
    start_member(&m[1], 1);
    CHECK(wait_for_members(m, 2, 1));
    host_close(m[0].node);
    host_close(m[1].node);
}

static void a_node_is_closed_while_its_seed_is_looked_up(void)
{
    struct member a;
    int i;

    for (i = 0; i < 50; i++) {
        make_member(&a, NULL);
        join(&a, "localhost:1");
        if (i % 2)
            ev_run(loop, EVRUN_NOWAIT);
        host_close(a.node);
    }
    run_for(loop, 0.05);
}

static void a_seed_that_comes_up_later_is_found(void)
{
    struct member m[2];
    char seed[ADDRESS_MAX_ENDPOINT], own[40];

    own_address(own);
    open_member(&m[0], own, NULL, NULL);
    snprintf(seed, sizeof seed, "%s", host_bound(m[0].node));
    host_close(m[0].node);
    make_member(&m[1], NULL);
    join(&m[1], seed);
    CHECK(run_until(loop, is_joined, &m[1]));
    open_member(&m[0], seed, NULL, NULL);
    start_member(&m[0], 2);
    CHECK(wait_for_members(m, 2, 1)); /* by the second or third announce */
    host_close(m[0].node);
    host_close(m[1].node);
}

/* What follows from that takes half a minute: it is in spec/c/seeds_test.c and
 * spec/sim/seeds_spec.lua, in virtual time. */
static void an_active_node_goes_on_asking(void)
{
    struct member m[2];
    const host *node;

    make_member(&m[0], NULL);
    make_member(&m[1], NULL);
    node = m[1].node;
    join(&m[1], "127.0.0.1:9");
    CHECK(run_until(loop, is_joined, &m[1]));
    CHECK(node->seeds.connection == SHOAL_CONNECTION_IDLE &&
          ev_is_active(&node->seeding));
    join(&m[1], host_bound(m[0].node));
    CHECK(wait_for_members(m, 2, 1));
    turn(loop);
    CHECK(node->seeds.connection == SHOAL_CONNECTION_ACTIVE &&
          ev_is_active(&node->seeding));
    CHECK(node->seeding_us == seeds_due(&node->seeds));
    CHECK(node->seeding_us < host_now(node) + 45 * 1000 * 1000);
    host_close(m[0].node);
    host_close(m[1].node);
}

/* ---- A name with several addresses ---- */

/* "members.test": where three members are bound, each on its own address of
 * 127.0.0.0/8, all on one port; the first is always that of who asks, as the
 * rules of RFC 6724 sort them. */
static struct {
    struct address list[3];
    bool is_known; /* read and written with the loop's thread waiting */
} zone;

static const char *answer_from(int first, struct addresses *out)
{
    int i;

    if (!__atomic_load_n(&zone.is_known, __ATOMIC_SEQ_CST))
        return "nobody knows it";
    for (i = 0; i < 3; i++)
        if (!addresses_add(out, &zone.list[(first + i) % 3]))
            return "out of memory";
    return NULL;
}

#define LOOKUP(number)                                                         \
    static const char *lookup_##number(const char *name, uint16_t port,        \
                                       struct address_reach reach,             \
                                       struct addresses *out)                  \
    {                                                                          \
        (void)name, (void)port, (void)reach;                                   \
        return answer_from(number, out);                                       \
    }
LOOKUP(0)
LOOKUP(1)
LOOKUP(2)

static host_lookup_fn *const lookups[] = {lookup_0, lookup_1, lookup_2};

static struct address address_of(const char *text)
{
    struct endpoint endpoint;

    CHECK(address_parse_endpoint(bytes_of_text(text), &endpoint, NULL) == 0);
    return endpoint.address;
}

/* The first picks a port; the others are bound to it on addresses of their own.
 */
static void open_zone(struct member *m)
{
    char bind[3][ADDRESS_MAX_ENDPOINT], own[40];
    int i;

    own_address(own);
    open_member_with(&m[0], own, NULL, NULL, lookups[0]);
    for (i = 0; i < 3; i++) {
        char *last;

        snprintf(bind[i], sizeof bind[i], "%s", host_bound(m[0].node));
        last = strrchr(bind[i], '.') + 1;
        last[0] = (char)('2' + i);
        zone.list[i] = address_of(bind[i]);
        if (i > 0)
            open_member_with(&m[i], bind[i], NULL, NULL, lookups[i]);
        start_member(&m[i], 1);
    }
}

static void close_zone(struct member *m)
{
    int i;

    for (i = 0; i < 3; i++)
        host_close(m[i].node);
}

static void members_whose_resolvers_list_themselves_first_find_each_other(void)
{
    struct member m[3];
    int i;

    __atomic_store_n(&zone.is_known, true, __ATOMIC_SEQ_CST);
    open_zone(m);
    for (i = 0; i < 3; i++)
        join(&m[i], "members.test:7946");
    CHECK(wait_for_members(m, 3, 2));
    for (i = 0; i < 3; i++)
        CHECK(shoal_get_stats(host_engine(m[i].node))
                  .dropped[SHOAL_DROP_FROM_OURSELVES] == 0);
    close_zone(m);
}

static void a_name_that_is_known_later_is_tried_until_then(void)
{
    struct member m[3];
    int i;

    __atomic_store_n(&zone.is_known, false, __ATOMIC_SEQ_CST);
    open_zone(m);
    for (i = 0; i < 3; i++)
        join(&m[i], "members.test:7946");
    for (i = 0; i < 3; i++) {
        CHECK(run_until(loop, is_joined, &m[i]));
        CHECK_SAYS(m[i].join_error, "cannot resolve members.test:7946: ");
    }
    __atomic_store_n(&zone.is_known, true, __ATOMIC_SEQ_CST);
    CHECK(wait_for_members(m, 3, 2));
    close_zone(m);
}

/* A socket that is open to both families has IPv4 addresses as ::ffff:a.b.c.d;
 * members know each other by the plain ones. */
static const char *lookup_mapped(const char *name, uint16_t port,
                                 struct address_reach reach,
                                 struct addresses *out)
{
    struct address address = zone.list[0];

    (void)name, (void)port;
    return address_adapt(&address, reach) && addresses_add(out, &address)
               ? NULL
               : "no memory, or no IPv6 here";
}

static void a_socket_for_both_families_joins_by_a_name(void)
{
    struct member m[2];
    char addr[ADDRESS_MAX_ENDPOINT];

    make_member(&m[0], NULL);
    zone.list[0] = address_of(host_bound(m[0].node));
    open_member_with(&m[1], "[::]:0", NULL, NULL, lookup_mapped);
    snprintf(addr, sizeof addr, "127.0.0.1%s",
             strrchr(host_bound(m[1].node), ':'));
    start_member_at(&m[1], addr, 1);
    join(&m[1], "members.test:7946");
    CHECK(wait_for_members(m, 2, 1));
    host_close(m[0].node);
    host_close(m[1].node);
}

/* Nobody is at the first address, the member at the second. */
static const char *lookup_dead_first(const char *name, uint16_t port,
                                     struct address_reach reach,
                                     struct addresses *out)
{
    (void)name, (void)port, (void)reach;
    return addresses_add(out, &zone.list[0]) &&
                   addresses_add(out, &zone.list[1])
               ? NULL
               : "out of memory";
}

static bool is_acked(void *context)
{
    return shoal_get_stats(host_engine(((struct member *)context)->node))
               .received[SHOAL_MSG_ACK] >= 5;
}

static void a_member_that_is_a_name_is_met_at_the_address_where_it_is(void)
{
    struct member m[3];
    char name[ADDRESS_MAX_ENDPOINT], own[40];

    own_address(own);
    open_member_with(&m[2], own, NULL, NULL, NULL);
    zone.list[0] = address_of(host_bound(m[2].node));
    host_close(m[2].node);
    open_member_with(&m[0], "127.0.0.1:0", NULL, NULL, lookup_dead_first);
    open_member_with(&m[1], "127.0.0.1:0", NULL, NULL, lookup_dead_first);
    zone.list[1] = address_of(host_bound(m[1].node));
    start_member_with(&m[0], 1, shoal_config_loopback(4));
    snprintf(name, sizeof name, "member.test%s",
             strrchr(host_bound(m[1].node), ':'));
    start_member_as(&m[1], name, 1, shoal_config_loopback(4));
    join(&m[1], host_bound(m[0].node));
    CHECK(wait_for_members(m, 2, 1));
    CHECK(run_until(loop, is_acked, &m[0]));
    host_close(m[0].node);
    host_close(m[1].node);
}

/* ---- What is our own ---- */

static uint64_t num_asked(const struct member *member)
{
    return shoal_get_stats(host_engine(member->node)).sent[SHOAL_MSG_ANNOUNCE];
}

static void joins_in_vain(struct member *member, const char *seed)
{
    member->joined = 0;
    join(member, seed);
    CHECK(run_until(loop, is_joined, member));
    CHECK(strcmp(member->join_error, "") == 0);
    if (num_asked(member) != 0)
        fprintf(stderr, "%s is asked\n", seed);
    CHECK(num_asked(member) == 0);
}

static void joins_at_port(struct member *member, const char *address)
{
    char seed[ADDRESS_MAX_ENDPOINT];

    snprintf(seed, sizeof seed, "%s%s", address,
             strrchr(host_bound(member->node), ':'));
    joins_in_vain(member, seed);
}

static void a_node_that_is_its_own_seed_stays_quiet(void)
{
    struct member a;

    make_member(&a, NULL);
    joins_in_vain(&a, host_bound(a.node));
    joins_at_port(&a, "0.0.0.0");
    joins_at_port(&a, "[::ffff:127.0.0.1]");
    joins_at_port(&a, "localhost");
    host_close(a.node);
}

/* One of this host's that is not of the loopback; there may be none. */
static bool find_local_address(char *out)
{
    struct ifaddrs *list, *each;
    bool found = false;

    CHECK(getifaddrs(&list) == 0);
    for (each = list; each && !found; each = each->ifa_next) {
        struct address address = {.size = sizeof address.as.v4};

        if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET)
            continue;
        memcpy(&address.as.v4, each->ifa_addr, sizeof address.as.v4);
        address_format(&address, out);
        *strchr(out, ':') = '\0';
        found = !address_is_loopback(&address);
    }
    freeifaddrs(list);
    return found;
}

/* Bound to a wildcard it answers at each address of the host, and it is asked
 * from outside at one that it need not know. */
static void no_spelling_of_our_own_address_is_asked(void)
{
    static const char *const bind[] = {"0.0.0.0:0", "[::]:0"};
    char local[ADDRESS_MAX_ENDPOINT];
    struct member a;
    size_t i;

    for (i = 0; i < 2; i++) {
        open_member(&a, bind[i], NULL, NULL);
        start_member_at(&a, "10.1.2.3:4", 1);
        joins_in_vain(&a, "10.1.2.3:4");
        joins_in_vain(&a, "[::ffff:10.1.2.3]:4");
        joins_at_port(&a, "127.0.0.1");
        joins_at_port(&a, "127.9.8.7");
        joins_at_port(&a, "0.0.0.0");
        joins_at_port(&a, "localhost");
        if (find_local_address(local))
            joins_at_port(&a, local);
        if (i == 1)
            joins_at_port(&a, "[::1]");
        host_close(a.node);
    }
}

/* A script's identity may spell it in its own way. */
static void nor_is_an_address_that_our_identity_spells_otherwise(void)
{
    struct member a;

    open_member(&a, "[::]:0", NULL, NULL);
    start_member_at(&a, "[0:0:0:0:0:0:a:9]:4", 1);
    joins_in_vain(&a, "[::a:9]:4");
    host_close(a.node);
}

int main(void)
{
    loop = ev_loop_new(0);
    CHECK(loop);
    RUN(joining_tells_what_cannot_work);
    RUN(a_seed_may_be_named_before_the_start_and_by_name);
    RUN(a_node_is_closed_while_its_seed_is_looked_up);
    RUN(a_seed_that_comes_up_later_is_found);
    RUN(an_active_node_goes_on_asking);
    RUN(members_whose_resolvers_list_themselves_first_find_each_other);
    RUN(a_name_that_is_known_later_is_tried_until_then);
    RUN(a_socket_for_both_families_joins_by_a_name);
    RUN(a_member_that_is_a_name_is_met_at_the_address_where_it_is);
    RUN(no_spelling_of_our_own_address_is_asked);
    RUN(nor_is_an_address_that_our_identity_spells_otherwise);
    RUN(a_node_that_is_its_own_seed_stays_quiet);
    ev_loop_destroy(loop);
    return 0;
}
