/* SPDX-License-Identifier: MIT */
/*
 * Seeds: endpoints that the program named, where members can be found.
 *
 * One that is due is resolved (if it is a name) and announced to. All become
 * due again, with backoff, as long as the engine knows no active member: so a
 * node whose seeds are not up yet joins when they are, and a node that lost
 * everyone comes back by itself.
 *
 * Seeds are only ever added, so that the list may be walked while the program's
 * callbacks add to it.
 */
#include "fail.h"
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_RETRY_US = 1000000, /* doubled each time */
    LAST_RETRY_US = 30000000
};

/* A host_join() that wants to be told. */
struct waiter {
    struct waiter *next;
    host_join_fn *done;
    void *context;
};

struct seed {
    struct seed *next;
    host *node;
    struct endpoint endpoint;
    struct waiter *waiters;
    log_gate gate;
    bool due, looking;
    bool is_us;
    char text[HOST_MAX_ENDPOINT];
};

/* ---- Announcing ---- */

/* Each waiter is told once; a callback may join again meanwhile, or close the
 * node, after which nobody is told anything. */
static void tell_waiters(struct seed *seed, const char *error)
{
    struct waiter *waiter = seed->waiters, *next;

    seed->waiters = NULL;
    for (; waiter; waiter = next) {
        next = waiter->next;
        if (!seed->node->closing)
            waiter->done(waiter->context, seed->text, error);
        free(waiter);
    }
}

/* Operators give all nodes one list of seeds, with each node on it. */
static bool is_ourselves(host *node, const char *text)
{
    shoal_bytes ours = shoal_self(node->engine).endpoint;

    return strcmp(text, node->bound) == 0 ||
           (ours.size == strlen(text) &&
            memcmp(text, ours.data, ours.size) == 0);
}

/* 0, or -1 and `error`. */
static int announce(struct seed *seed, const struct address *address,
                    char *error)
{
    host *node = seed->node;
    uint8_t id[SHOAL_MAX_IDENTITY];
    char text[HOST_MAX_ENDPOINT];
    size_t size = 0;
    int result;

    address_format(address, text);
    seed->is_us = is_ourselves(node, text);
    if (seed->is_us)
        return 0;
    result =
        node->callbacks.identity_at(node->callbacks.context, text, id, &size);
    if (result != 0)
        return fail(error, "no identity for %s: %s", text,
                    shoal_error_text(result));
    if (node->closing)
        return fail(error, "the node was closed");
    result =
        shoal_announce(node->engine, host_now(node), (shoal_bytes){id, size});
    if (result != 0)
        return fail(error, "cannot announce to %s: %s", text,
                    shoal_error_text(result));
    return 0;
}

/* The seed's address is known, or why not. */
static void finish(struct seed *seed, const struct address *address,
                   const char *problem)
{
    char error[HOST_MAX_ERROR] = "";
    int result;

    if (address)
        result = announce(seed, address, error);
    else
        result = fail(error, "cannot resolve %s: %s", seed->text, problem);
    narrate_seed(seed->node, &seed->gate, seed->text, result ? error : NULL);
    tell_waiters(seed, result ? error : NULL);
}

static void on_resolved(void *context, const struct address *address,
                        const char *error)
{
    struct seed *seed = context;
    host *node = seed->node;

    host_enter(node);
    seed->looking = false;
    finish(seed, address, error);
    host_leave(node);
}

static void visit(struct seed *seed)
{
    host *node = seed->node;

    seed->due = false;
    if (!seed->endpoint.is_name) {
        finish(seed, &seed->endpoint.address, NULL);
        return;
    }
    seed->looking = true;
    if (resolver_ask(node->resolver, seed->endpoint.name, seed->endpoint.port,
                     on_resolved, seed) == 0)
        return;
    seed->looking = false;
    finish(seed, NULL, "out of memory or threads");
}

void seeds_announce(host *node)
{
    struct seed *seed;

    for (seed = node->seeds.first; seed && !node->closing; seed = seed->next)
        if (seed->due)
            visit(seed);
}

/* ---- Again, while alone ---- */

static double next_delay(struct seeds *seeds)
{
    uint64_t delay_us = LAST_RETRY_US;

    if (seeds->rounds < 5)
        delay_us = (uint64_t)FIRST_RETRY_US << seeds->rounds;
    seeds->rounds++;
    /* Nodes that went idle together must not ask together. */
    delay_us += rng_next(&seeds->rng) % (delay_us / 10);
    return (double)delay_us / 1e6;
}

/* "10.0.0.1:7946, 10.0.0.2:7946": those that are not ourselves, as many as
 * there is room for. */
static void list_seeds(const struct seeds *seeds, char *out, size_t room)
{
    const struct seed *seed;
    size_t used = 0;

    out[0] = '\0';
    for (seed = seeds->first; seed; seed = seed->next) {
        const char *comma = used > 0 ? ", " : "";

        if (seed->is_us)
            continue;
        if (used + strlen(comma) + strlen(seed->text) >= room)
            return;
        used += (size_t)snprintf(out + used, room - used, "%s%s", comma,
                                 seed->text);
    }
}

/* The first member of a cluster may well be told of no other: it has nobody to
 * wait for. */
static void tell_of_silence(host *node)
{
    char list[2 * HOST_MAX_ENDPOINT];

    list_seeds(&node->seeds, list, sizeof list);
    if (list[0] == '\0')
        return;
    narrate_silence(node, list, !node->seeds.told);
    node->seeds.told = true;
}

static void on_retry(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host *node = watcher->data;
    struct seed *seed;

    (void)loop, (void)events;
    host_enter(node);
    tell_of_silence(node);
    for (seed = node->seeds.first; seed; seed = seed->next)
        seed->due = !seed->looking;
    host_leave(node);
}

static bool any_due(const struct seeds *seeds)
{
    const struct seed *seed;

    for (seed = seeds->first; seed; seed = seed->next)
        if (seed->due)
            return true;
    return false;
}

bool seeds_watch(host *node)
{
    struct seeds *seeds = &node->seeds;

    if (!seeds->first)
        return false;
    if (shoal_get_connection(node->engine) != SHOAL_CONNECTION_IDLE) {
        ev_timer_stop(node->loop, &seeds->retry);
        seeds->rounds = 0;
        seeds->told = false;
    } else if (!ev_is_active(&seeds->retry)) {
        ev_now_update(node->loop);
        ev_timer_set(&seeds->retry, next_delay(seeds), 0.);
        ev_timer_start(node->loop, &seeds->retry);
    }
    return any_due(seeds);
}

/* ---- Adding, and the end ---- */

static struct seed *find_seed(host *node, const char *text)
{
    struct seed *seed;

    for (seed = node->seeds.first; seed; seed = seed->next)
        if (strcmp(seed->text, text) == 0)
            return seed;
    return NULL;
}

static struct seed *add_seed(host *node, const char *text,
                             const struct endpoint *endpoint)
{
    struct seed *seed = calloc(1, sizeof *seed), **last = &node->seeds.first;

    if (!seed)
        return NULL;
    seed->node = node;
    seed->endpoint = *endpoint;
    snprintf(seed->text, sizeof seed->text, "%s", text);
    while (*last)
        last = &(*last)->next;
    *last = seed;
    return seed;
}

static bool add_waiter(struct seed *seed, host_join_fn *done, void *context)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);

    if (!waiter)
        return false;
    *waiter = (struct waiter){seed->waiters, done, context};
    seed->waiters = waiter;
    return true;
}

/* An address of the other family would never get a packet; neither would one of
 * another host, if we are bound to the loopback. */
static bool is_reachable(const host *node, const struct endpoint *endpoint)
{
    struct address address = endpoint->address;

    return endpoint->is_name || address_adapt(&address, node->udp.reach);
}

int host_join(host *node, const char *text, host_join_fn *done, void *context,
              char *error)
{
    shoal_bytes bytes = {(const uint8_t *)text, strlen(text)};
    struct endpoint endpoint;
    struct seed *seed;

    if (node->closing)
        return fail(error, "the node is being closed");
    if (endpoint_parse(bytes, &endpoint, error) != 0)
        return -1;
    if (endpoint.port == 0)
        return fail(error, "'%s': nobody answers at port 0", text);
    if (!is_reachable(node, &endpoint))
        return fail(error, "cannot join %s: this node's socket is bound to %s",
                    text, node->bound);
    seed = find_seed(node, text);
    if (!seed)
        seed = add_seed(node, text, &endpoint);
    if (!seed || (done && !add_waiter(seed, done, context)))
        return fail(error, "cannot join %s: out of memory", text);
    seed->due = !seed->looking;
    host_wake(node);
    return 0;
}

const char *host_seed(const host *node, size_t i)
{
    const struct seed *seed = node->seeds.first;

    while (seed && i-- > 0)
        seed = seed->next;
    return seed ? seed->text : NULL;
}

void seeds_init(host *node)
{
    ev_init(&node->seeds.retry, on_retry);
    node->seeds.retry.data = node;
}

void seeds_clear(host *node)
{
    struct seed *seed, *next;

    ev_timer_stop(node->loop, &node->seeds.retry);
    for (seed = node->seeds.first; seed; seed = next) {
        struct waiter *waiter;

        next = seed->next;
        while ((waiter = seed->waiters)) {
            seed->waiters = waiter->next;
            free(waiter);
        }
        free(seed);
    }
    node->seeds.first = NULL;
}
