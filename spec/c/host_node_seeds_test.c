/* SPDX-License-Identifier: MIT */
/* Seeds: addresses and names, there or not yet there. */
#include "host_members.h"

static void joining_tells_what_cannot_work(void)
{
    char error[HOST_MAX_ERROR];
    struct member a;

    make_member(&a, NULL);
    CHECK(host_join(a.node, "nonsense", on_joined, &a, error) == -1);
    CHECK_SAYS(error, "no port");
    CHECK(host_join(a.node, "127.0.0.1:0", on_joined, &a, error) == -1);
    CHECK_SAYS(error, "port 0");
    CHECK(a.joined == 0);
    host_close(a.node);
}

static void a_seed_may_be_named_before_the_start_and_by_name(void)
{
    struct member m[2];
    char seed[HOST_MAX_ENDPOINT];

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
    char seed[HOST_MAX_ENDPOINT], own[40];

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

static void a_node_that_is_its_own_seed_stays_quiet(void)
{
    struct member a;

    make_member(&a, NULL);
    join(&a, host_bound(a.node));
    CHECK(run_until(loop, is_joined, &a));
    CHECK(strcmp(a.join_error, "") == 0);
    CHECK(host_get_stats(a.node).datagrams_sent == 0);
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
    RUN(a_node_that_is_its_own_seed_stays_quiet);
    ev_loop_destroy(loop);
    return 0;
}
