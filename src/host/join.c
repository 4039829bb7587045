/* SPDX-License-Identifier: MIT */
/*
 * Joining: asks those seeds that src/base/seeds.h says, over the socket. Names
 * are looked up in the resolver's threads, and the program is told what became
 * of its calls of host_join().
 */
#include "../base/bytes.h"
#include "../base/error.h"
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SILENCE_US = 1000 * 1000 }; /* the log is told no sooner */

/* A host_join() that wants to be told. */
struct waiter {
    struct waiter *next;
    host_join_fn *done;
    void *context;
};

/* What the host knows of a seed: its `owner`. */
struct joining {
    host *node;
    struct seed *seed;
    struct endpoint endpoint;
    struct waiter *waiters;
    log_gate gate;
    struct error error; /* of the last try; "": it was asked */
};

/* ---- Asking ---- */

/* Calls `entry` with an identity for whoever is at the address. 0, or -1 and
 * `error` (or NULL). */
typedef int entry_fn(shoal *engine, uint64_t now_us, shoal_bytes id);

static int call(host *node, const char *address, entry_fn *entry,
                struct error *error)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t size = 0;
    int result;

    result = node->callbacks.identity_at(node->callbacks.context, address, id,
                                         &size);
    if (result != 0)
        return error_fail(error, "no identity for %s: %s", address,
                          shoal_error_text(result));
    if (node->closing)
        return error_fail(error, "the node was closed");
    result = entry(node->engine, host_now(node), (shoal_bytes){id, size});
    if (result != 0)
        return error_fail(error, "cannot send to %s: %s", address,
                          shoal_error_text(result));
    return 0;
}

/* While others are known, a seed that the program did not ask for just now may
 * be long gone without anybody minding. */
static void tell_log_of_failure(struct joining *joining)
{
    const struct seed *seed = joining->seed;
    host *node = joining->node;
    bool matters =
        seed->wanted || node->seeds.connection != SHOAL_CONNECTION_ACTIVE;

    log_node_lost_seed(node, matters ? &joining->gate : NULL, seed->text,
                       joining->error.text);
}

/* What is sent elsewhere would not leave (outbound.c). */
static bool is_allowed(const host *node, const char *address)
{
    struct endpoint parsed;

    return !node->envelope.allowed ||
           (address_parse_endpoint(bytes_of_text(address), &parsed, NULL) ==
                0 &&
            envelope_allows(&node->envelope, &parsed.address));
}

int join_announce(host *node, const char *address, struct error *error)
{
    if (!is_allowed(node, address))
        return error_fail(error, "%s is not in an allowed network", address);
    return call(node, address, shoal_announce, error);
}

static void ask(struct joining *joining, const char *address)
{
    joining->error.text[0] = '\0';
    if (join_announce(joining->node, address, &joining->error) == 0)
        log_node_seed(joining->node, joining->seed->text, address);
    else
        tell_log_of_failure(joining);
}

static void fail_lookup(struct joining *joining, const char *problem)
{
    seeds_failed(joining->seed, host_now(joining->node));
    error_fail(&joining->error, "cannot resolve %s: %s", joining->seed->text,
               problem);
    tell_log_of_failure(joining);
}

/* One after the other, each with its NUL. NULL: no memory. */
static char *list_addresses(const struct addresses *addresses)
{
    char *list = malloc(addresses->count * ADDRESS_MAX_ENDPOINT), *end = list;
    char *fitting;
    size_t i;

    for (i = 0; list && i < addresses->count; i++) {
        struct address plain = address_plain(&addresses->list[i]);

        address_format(&plain, end);
        end += strlen(end) + 1;
    }
    fitting = list ? realloc(list, (size_t)(end - list)) : NULL;
    return fitting ? fitting : list;
}

static void on_resolved(void *context, const struct addresses *addresses,
                        const char *error)
{
    struct joining *joining = context;
    host *node = joining->node;
    char *list = addresses ? list_addresses(addresses) : NULL;

    host_enter(node);
    if (list)
        seeds_found(&node->seeds, host_now(node), joining->seed, list,
                    addresses->count);
    else
        fail_lookup(joining, addresses ? "out of memory" : error);
    host_leave(node);
}

static void look_up(struct joining *joining)
{
    const struct endpoint *endpoint = &joining->endpoint;

    joining->error.text[0] = '\0';
    if (resolver_ask(joining->node->resolver, endpoint->name, endpoint->port,
                     on_resolved, joining) != 0)
        fail_lookup(joining, "out of memory or threads");
}

/* Each waiter is told once; a callback may join again meanwhile, or close the
 * node, after which nobody is told anything. */
static void tell_waiters(struct joining *joining)
{
    struct waiter *waiter = joining->waiters, *next;
    const char *error =
        joining->error.text[0] != '\0' ? joining->error.text : NULL;

    joining->waiters = NULL;
    for (; waiter; waiter = next) {
        next = waiter->next;
        if (!joining->node->closing)
            waiter->done(waiter->context, joining->seed->text, error);
        free(waiter);
    }
}

static void tell_all(host *node)
{
    size_t i;

    for (i = 0; i < node->seeds.count && !node->closing; i++)
        if (!node->seeds.list[i]->wanted)
            tell_waiters(node->seeds.list[i]->owner);
}

void join_ask(host *node)
{
    struct seeds *seeds = &node->seeds;
    struct seeds_task task;
    uint64_t now_us;

    if (seeds->count == 0)
        return;
    now_us = host_now(node);
    seeds_update(seeds, now_us, shoal_get_connection(node->engine));
    while (!node->closing && seeds_next(seeds, now_us, &task)) {
        if (task.address)
            ask(task.seed->owner, task.address);
        else
            look_up(task.seed->owner);
    }
    tell_all(node);
}

int host_depart(host *node)
{
    int result = shoal_leave(node->engine, host_now(node));
    const char *address;
    size_t cursor = 0;

    while (result == 0 && !node->closing &&
           (address = seeds_next_asked(&node->seeds, host_now(node), &cursor)))
        (void)call(node, address, shoal_leave_to, NULL);
    return result;
}

/* ---- When nobody answers ---- */

/* "10.0.0.1:7946, 10.0.0.2:7946": those that are not ourselves, as many as
 * there is room for. */
static void list_seeds(const struct seeds *seeds, char *out, size_t room)
{
    size_t used = 0, i;

    out[0] = '\0';
    for (i = 0; i < seeds->count; i++) {
        const char *text = seeds->list[i]->text;
        const char *comma = used > 0 ? ", " : "";

        if (seeds_is_ours(seeds, seeds->list[i]))
            continue;
        if (used + strlen(comma) + strlen(text) >= room)
            return;
        used += (size_t)snprintf(out + used, room - used, "%s%s", comma, text);
    }
}

/* The first member of a cluster may well be told of no other: it has nobody to
 * wait for. */
static void tell_of_silence(host *node)
{
    const struct seeds *seeds = &node->seeds;
    char list[2 * ADDRESS_MAX_ENDPOINT];

    if (seeds->connection != SHOAL_CONNECTION_IDLE ||
        host_now(node) - seeds->since_us < SILENCE_US)
        return;
    list_seeds(seeds, list, sizeof list);
    if (list[0] == '\0')
        return;
    log_node_silence(node, list, !node->silence_told, node->was_answered);
    node->silence_told = true;
}

/* host_leave() asks. */
static void on_due(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host *node = watcher->data;

    (void)loop, (void)events;
    host_enter(node);
    node->seeding_us = SHOAL_NEVER;
    tell_of_silence(node);
    host_leave(node);
}

static void arm(host *node, uint64_t due_us)
{
    if (due_us == node->seeding_us)
        return;
    ev_timer_stop(node->loop, &node->seeding);
    node->seeding_us = due_us;
    if (due_us == SHOAL_NEVER)
        return;
    ev_now_update(node->loop);
    ev_timer_set(&node->seeding, host_seconds_until(due_us, host_now(node)),
                 0.);
    ev_timer_start(node->loop, &node->seeding);
}

bool join_watch(host *node)
{
    struct seeds *seeds = &node->seeds;
    uint64_t due_us;

    if (seeds->count == 0)
        return false;
    seeds_update(seeds, host_now(node), shoal_get_connection(node->engine));
    if (seeds->connection != SHOAL_CONNECTION_IDLE) {
        node->silence_told = false;
        node->was_answered = true;
    }
    due_us = seeds_due(seeds);
    if (due_us == 0)
        return true;
    arm(node, due_us);
    return false;
}

/* ---- Adding, and the end ---- */

static struct seed *add_seed(host *node, const char *text,
                             const struct endpoint *endpoint)
{
    struct joining *joining = calloc(1, sizeof *joining);
    struct address plain = address_plain(&endpoint->address);
    char address[ADDRESS_MAX_ENDPOINT];
    struct seed *seed;

    if (!joining)
        return NULL;
    if (!endpoint->is_name)
        address_format(&plain, address);
    seed = seeds_add(&node->seeds, text, endpoint->is_name ? NULL : address);
    if (!seed) {
        free(joining);
        return NULL;
    }
    joining->node = node;
    joining->endpoint = *endpoint;
    joining->seed = seed;
    seed->owner = joining;
    return seed;
}

static bool add_waiter(struct joining *joining, host_join_fn *done,
                       void *context)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);

    if (!waiter)
        return false;
    *waiter = (struct waiter){joining->waiters, done, context};
    joining->waiters = waiter;
    return true;
}

bool join_reaches(const host *node, const struct endpoint *endpoint)
{
    struct address address = endpoint->address;

    return endpoint->is_name || address_adapt(&address, node->udp.reach);
}

int host_join(host *node, const char *text, host_join_fn *done, void *context,
              struct error *error)
{
    struct endpoint endpoint;
    struct seed *seed;

    if (node->closing)
        return error_fail(error, "the node is being closed");
    if (address_parse_endpoint(bytes_of_text(text), &endpoint, error) != 0)
        return -1;
    if (endpoint.port == 0)
        return error_fail(error, "'%s': the port must not be 0", text);
    if (!join_reaches(node, &endpoint))
        return error_fail(error,
                          "cannot join %s: this node's socket is bound to %s",
                          text, node->bound);
    seed = seeds_find(&node->seeds, text);
    if (!seed)
        seed = add_seed(node, text, &endpoint);
    if (!seed || (done && !add_waiter(seed->owner, done, context)))
        return error_fail(error, "cannot join %s: out of memory", text);
    seeds_ask(&node->seeds, host_now(node), seed);
    host_wake(node);
    return 0;
}

const char *host_seed(const host *node, size_t i)
{
    return i < node->seeds.count ? node->seeds.list[i]->text : NULL;
}

void join_init(host *node)
{
    seeds_init(&node->seeds, 0, seed_standing_of, node);
    node->seeding_us = SHOAL_NEVER;
    ev_init(&node->seeding, on_due);
    node->seeding.data = node;
}

static void free_joining(struct joining *joining)
{
    struct waiter *waiter;

    while ((waiter = joining->waiters)) {
        joining->waiters = waiter->next;
        free(waiter);
    }
    free(joining);
}

void join_clear(host *node)
{
    size_t i;

    ev_timer_stop(node->loop, &node->seeding);
    for (i = 0; i < node->seeds.count; i++)
        free_joining(node->seeds.list[i]->owner);
    seeds_clear(&node->seeds);
}
