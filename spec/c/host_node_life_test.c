/* SPDX-License-Identifier: MIT */
/* Nodes open, start and close, and leave nothing behind. */
#include "host_members.h"

#include <fcntl.h>

static void a_node_opens_starts_and_closes(void)
{
    struct member a;

    make_member(&a, NULL);
    CHECK(strncmp(host_bound(a.node), "127.0.0.1:", 10) == 0);
    CHECK(strcmp(host_bound(a.node), "127.0.0.1:0") != 0);
    run_for(loop, 0.05);
    CHECK(host_close(a.node));
    CHECK(a.closed == 0); /* nobody needs to be told: it was no callback */
    open_member(&a, "127.0.0.1:0", NULL, NULL);
    host_close(a.node); /* never started */
    CHECK(host_close(NULL));
}

static void fails_to_open(const char *bind, const char *cluster,
                          const char *why)
{
    host_options options = {0};
    struct error error = {""};

    options.loop = loop;
    options.bind = bind;
    options.cluster = cluster;
    CHECK(!host_open(&options, &error));
    CHECK_SAYS(error.text, why);
}

static void what_cannot_be_bound_is_told_why(void)
{
    struct member a;
    char label[70];

    memset(label, 'x', sizeof label);
    label[69] = '\0';
    make_member(&a, NULL);
    fails_to_open(host_bound(a.node), NULL, "address already in use");
    fails_to_open("192.0.2.1:0", NULL, "cannot bind 192.0.2.1:0");
    fails_to_open("nonsense", NULL, "no port");
    fails_to_open("127.0.0.1:0", label, "69 bytes");
    host_close(a.node);
}

static void a_wrong_config_does_not_start(void)
{
    shoal_options options = {0};
    struct error error;
    struct member a;

    open_member(&a, "127.0.0.1:0", NULL, NULL);
    options.config = shoal_config_lan(1);
    options.config.probe_rtt_us = options.config.probe_period_us;
    options.handlers.identity = shoal_stock_identity();
    options.handlers.codec = shoal_default_codec();
    CHECK(host_start(a.node, &options, &error) == SHOAL_ERR_INVALID_CONFIG);
    CHECK_SAYS(error.text, "probe_rtt");
    CHECK(!host_engine(a.node));
    host_close(a.node);
}

/* ---- Nothing is left behind ---- */

static int count_descriptors(void)
{
    int fd, count = 0;

    for (fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void a_thousand_nodes_leave_no_descriptor_behind(void)
{
    int before = count_descriptors(), i;

    for (i = 0; i < 1000; i++) {
        struct member a;

        make_member(&a, "blue");
        CHECK(fcntl(count_descriptors() - 1, F_GETFD) & FD_CLOEXEC);
        join(&a, "127.0.0.1:9");
        ev_run(loop, EVRUN_NOWAIT);
        host_close(a.node);
    }
    CHECK(count_descriptors() == before);
}

int main(void)
{
    loop = ev_loop_new(0);
    CHECK(loop);
    RUN(a_node_opens_starts_and_closes);
    RUN(what_cannot_be_bound_is_told_why);
    RUN(a_wrong_config_does_not_start);
    RUN(a_thousand_nodes_leave_no_descriptor_behind);
    ev_loop_destroy(loop);
    return 0;
}
