/* SPDX-License-Identifier: MIT */
/*
 * What the programs that test nodes share: members on loopback (real engines,
 * real sockets, one loop), what is waited for, and a stranger that says what it
 * likes.
 */
#ifndef SHOAL_SPEC_HOST_MEMBERS_H
#define SHOAL_SPEC_HOST_MEMBERS_H

#include "host_test.h"

#include "host/host.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* ---- A member of the test's cluster ---- */

struct member {
    host *node;
    shoal_handlers handlers;
    unsigned events[SHOAL_NUM_EVENTS];
    unsigned joined, closed;
    char join_error[ERROR_MAX], failure[ERROR_MAX];
    /* what a handler does at an event; NULL: nothing */
    void (*on_event)(struct member *member, shoal_event event);
};

static struct ev_loop *loop;

static inline void on_notify(void *context, const shoal_effect *effect)
{
    struct member *member = context;

    member->events[effect->event]++;
    if (member->on_event)
        member->on_event(member, effect->event);
}

static inline int identity_at(void *context, const char *endpoint, uint8_t *out,
                              size_t *size)
{
    (void)context;
    return shoal_stock_identity_new(bytes_of_text(endpoint), 0, out, size);
}

static inline void on_closed(void *context)
{
    struct member *member = context;

    member->closed++;
    member->node = NULL;
}

static inline void on_failed(void *context, const char *error)
{
    struct member *member = context;

    snprintf(member->failure, sizeof member->failure, "%s", error);
}

static inline void on_joined(void *context, const char *endpoint,
                             const char *error)
{
    struct member *member = context;

    (void)endpoint;
    member->joined++;
    snprintf(member->join_error, sizeof member->join_error, "%s",
             error ? error : "");
}

static inline void open_member_with(struct member *member, const char *bind,
                                    const char *cluster, struct log *log,
                                    host_lookup_fn *lookup)
{
    host_options options = {0};
    struct error error = {""};

    memset(member, 0, sizeof *member);
    options.loop = loop;
    options.bind = bind;
    options.cluster = cluster;
    options.log = log;
    options.lookup = lookup;
    options.callbacks =
        (host_callbacks){member, on_notify, identity_at, on_closed, on_failed};
    member->node = host_open(&options, &error);
    if (!member->node)
        fprintf(stderr, "%s\n", error.text);
    CHECK(member->node);
}

static inline void open_member(struct member *member, const char *bind,
                               const char *cluster, struct log *log)
{
    open_member_with(member, bind, cluster, log, NULL);
}

/* Members that find each other down only when they are told: the machine may
 * stand still for longer than a suspicion lasts. */
static inline shoal_config patient_config(void)
{
    shoal_config config = shoal_config_loopback(4);

    config.suspect_to_down_after_us = 3600ull * 1000 * 1000;
    return config;
}

static inline void start_member_as(struct member *member, const char *addr,
                                   uint64_t bump, shoal_config config)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    struct error error;
    shoal_options options = {0};
    size_t size;

    CHECK(shoal_stock_identity_new(bytes_of_text(addr), bump, id, &size) == 0);
    options.identity = (shoal_bytes){id, size};
    options.seed = 7 + bump;
    options.config = config;
    options.handlers.identity = shoal_stock_identity();
    options.handlers.codec = shoal_default_codec();
    CHECK(host_start(member->node, &options, &error) == 0);
}

static inline void start_member_with(struct member *member, uint64_t bump,
                                     shoal_config config)
{
    start_member_as(member, host_bound(member->node), bump, config);
}

/* One that advertises another address than it is bound to. */
static inline void start_member_at(struct member *member, const char *addr,
                                   uint64_t bump)
{
    start_member_as(member, addr, bump, patient_config());
}

static inline void start_member(struct member *member, uint64_t bump)
{
    start_member_with(member, bump, patient_config());
}

static inline void make_member(struct member *member, const char *cluster)
{
    open_member(member, "127.0.0.1:0", cluster, NULL);
    start_member(member, 1);
}

/* One that finds out who is gone without a word. */
static inline void make_watchful_member(struct member *member,
                                        const char *cluster, struct log *log)
{
    open_member(member, "127.0.0.1:0", cluster, log);
    start_member_with(member, 1, shoal_config_loopback(4));
}

/* One that believes whoever writes to it: the peers that tests speak for know
 * nothing of cookies. */
static inline void make_credulous_member(struct member *member,
                                         shoal_config config)
{
    config.check_strangers = false;
    open_member(member, "127.0.0.1:0", NULL, NULL);
    start_member_with(member, 1, config);
}

static inline void join(struct member *member, const char *endpoint)
{
    CHECK(host_join(member->node, endpoint, on_joined, member, NULL) == 0);
}

/* ---- What is waited for ---- */

struct count {
    struct member *members;
    size_t count, expected;
};

static inline bool all_see(void *context)
{
    struct count *c = context;
    size_t i;

    for (i = 0; i < c->count; i++)
        if (c->members[i].node &&
            shoal_num_members(host_engine(c->members[i].node)) != c->expected)
            return false;
    return true;
}

static inline bool wait_for_members(struct member *members, size_t count,
                                    size_t expected)
{
    struct count c = {members, count, expected};

    return run_until(loop, all_see, &c);
}

static inline bool is_joined(void *context)
{
    return ((struct member *)context)->joined > 0;
}

/* ---- Strangers ---- */

static inline int open_stranger(const char *bound)
{
    struct sockaddr_in to = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)atoi(strchr(bound, ':') + 1));
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static inline bool received_five(void *context)
{
    return host_get_stats(((struct member *)context)->node)
               .datagrams_received == 5;
}

#endif
